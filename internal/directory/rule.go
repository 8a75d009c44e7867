package directory

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/validate"
)

// role exists; that is all the roles claim needs to know.
type role struct{}

func convertRole(r *v1alpha1.Role) *role {
	if validate.Role(r) != nil || r.DeletionTimestamp != nil {
		return nil
	}
	return &role{}
}

type roleTable struct{ names map[string]struct{} }

func newRoleTable() *roleTable { return &roleTable{names: map[string]struct{}{}} }

func (t *roleTable) len() int               { return len(t.names) }
func (t *roleTable) put(name string, _ any) { t.names[name] = struct{}{} }
func (t *roleTable) remove(name string)     { delete(t.names, name) }

func (t *roleTable) replace(entries []*entry) {
	t.names = make(map[string]struct{}, len(entries))
	for _, e := range entries {
		t.names[e.meta.Name] = struct{}{}
	}
}

// convertRule keeps the spec, which is small, so that validate can be asked again when time has passed or the realm has changed.
func convertRule(r *v1alpha1.AccessRule) *v1alpha1.AccessRule {
	if validate.AccessRule(r) != nil || r.DeletionTimestamp != nil {
		return nil
	}
	return &v1alpha1.AccessRule{ObjectMeta: metav1.ObjectMeta{Name: r.Name, Namespace: r.Namespace}, Spec: r.Spec}
}

// ruleTable finds access rules by object name and by subject.
type ruleTable struct {
	byName    map[string]*v1alpha1.AccessRule
	bySubject map[v1alpha1.AccessRuleSubject][]*v1alpha1.AccessRule
}

func newRuleTable() *ruleTable {
	return &ruleTable{
		byName:    map[string]*v1alpha1.AccessRule{},
		bySubject: map[v1alpha1.AccessRuleSubject][]*v1alpha1.AccessRule{},
	}
}

func (t *ruleTable) len() int { return len(t.byName) }

func (t *ruleTable) put(name string, record any) {
	t.remove(name)
	rule := record.(*v1alpha1.AccessRule)
	t.byName[name] = rule
	t.bySubject[rule.Spec.Subject] = append(t.bySubject[rule.Spec.Subject], rule)
}

func (t *ruleTable) remove(name string) {
	rule, ok := t.byName[name]
	if !ok {
		return
	}
	delete(t.byName, name)
	left := slices.DeleteFunc(t.bySubject[rule.Spec.Subject], func(r *v1alpha1.AccessRule) bool { return r == rule })
	if len(left) == 0 {
		delete(t.bySubject, rule.Spec.Subject)
		return
	}
	t.bySubject[rule.Spec.Subject] = left
}

func (t *ruleTable) replace(entries []*entry) {
	*t = *newRuleTable()
	for _, e := range entries {
		t.put(e.meta.Name, e.record)
	}
}

// rolesOf adds the Roles that hold for a subject now.
func (n *namespace) rolesOf(into []string, realm *v1alpha1.Realm, now time.Time, subject v1alpha1.AccessRuleSubject) []string {
	for _, rule := range n.rules.bySubject[subject] {
		if _, exists := n.roles.names[rule.Spec.Role]; !exists || slices.Contains(into, rule.Spec.Role) {
			continue
		}
		if state, _ := validate.ActiveAt(rule, now); state != validate.Active || validate.ScopeAllowed(realm, rule) != nil {
			continue
		}
		into = append(into, rule.Spec.Role)
	}
	return into
}
