package directory

import (
	"sync"
	"sync/atomic"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// namespace is the records of one realm's namespace.
type namespace struct {
	directory *Directory
	name      string
	stores    []*store

	mu      sync.RWMutex // guards the tables
	realms  *realmTable
	users   *userTable
	roles   *roleTable
	rules   *ruleTable
	clients *clientTable
	secrets *secretTable

	// view is the realm that serves, nil for none.
	view atomic.Pointer[Realm]
}

func newNamespace(d *Directory, name string) *namespace {
	n := &namespace{
		directory: d, name: name,
		realms: newRealmTable(), users: newUserTable(), roles: newRoleTable(),
		rules: newRuleTable(), clients: newClientTable(), secrets: newSecretTable(),
	}
	for _, s := range []*store{
		{kind: kindOf[*v1alpha1.Realm]("realms", convertRealm), table: n.realms},
		{kind: kindOf[*v1alpha1.User]("users", convertUser), table: n.users},
		{kind: kindOf[*v1alpha1.Role]("roles", convertRole), table: n.roles},
		{kind: kindOf[*v1alpha1.AccessRule]("accessrules", convertRule), table: n.rules},
		{kind: kindOf[*v1alpha1.ClientApplication]("clientapplications", convertClient), table: n.clients},
		{kind: secretKind(), table: n.secrets},
	} {
		s.owner = n
		n.stores = append(n.stores, s)
	}
	return n
}

// change runs a mutation of one store's table and renews the view if realms, keys or certificates may have changed.
func (n *namespace) change(s *store, mutate func()) {
	n.mu.Lock()
	mutate()
	rebuild := s.table == table(n.realms) || s.table == table(n.secrets) && n.secrets.takeDirty()
	if rebuild {
		n.view.Store(n.build())
	}
	n.mu.Unlock()
	if rebuild {
		n.directory.publish()
	}
}
