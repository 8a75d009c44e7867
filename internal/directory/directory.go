package directory

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/validate"
)

// Object is anything the API server stores.
type Object interface {
	metav1.Object
	runtime.Object
}

// Config is what a Directory needs.
type Config struct {
	// Namespaces are the realms' namespaces. Objects of others are ignored.
	Namespaces []string
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Log gets a line for each object that is not served, at V(1).
	Log logr.Logger
}

// Directory is the read model of all realms. It is safe for concurrent use.
type Directory struct {
	now        func() time.Time
	log        logr.Logger
	namespaces map[string]*namespace

	mu       sync.Mutex // serialises publish
	snapshot atomic.Pointer[Snapshot]
	// changed wakes Run when a realm names another certificate Secret.
	changed chan struct{}
}

// Snapshot is every served realm at one moment. It is immutable; a change makes a new one, so its pointer tells whether anything
// derived from it is still good.
type Snapshot struct {
	// Realms, oldest first.
	Realms []*Realm
}

// New makes an empty Directory. Run fills it from an API server, Load and Apply from memory.
func New(config Config) *Directory {
	d := &Directory{
		now: config.Now, log: config.Log,
		namespaces: make(map[string]*namespace, len(config.Namespaces)),
		changed:    make(chan struct{}, 1),
	}
	if d.now == nil {
		d.now = time.Now
	}
	for _, name := range config.Namespaces {
		d.namespaces[name] = newNamespace(d, name)
	}
	d.snapshot.Store(&Snapshot{})
	return d
}

// Snapshot returns the realms that are served now. It costs one atomic load.
func (d *Directory) Snapshot() *Snapshot { return d.snapshot.Load() }

// HasSynced reports whether every kind in every namespace has been listed once. It never goes back to false.
func (d *Directory) HasSynced() bool {
	for _, n := range d.namespaces {
		for _, s := range n.stores {
			if !s.synced.Load() {
				return false
			}
		}
	}
	return true
}

// Apply takes one object in as a watch event would. It fails on a kind that the Directory does not follow.
func (d *Directory) Apply(object Object) error {
	s, err := d.storeFor(object)
	if s == nil {
		return err
	}
	return s.Update(s.kind.entry(object))
}

// Delete forgets one object as a watch event would.
func (d *Directory) Delete(object Object) error {
	s, err := d.storeFor(object)
	if s == nil {
		return err
	}
	return s.Delete(s.kind.entry(object))
}

// Load replaces everything by these objects, as a complete list of every kind would; the Directory is synced afterwards.
func (d *Directory) Load(objects ...Object) error {
	lists := map[*store][]any{}
	for _, object := range objects {
		s, err := d.storeFor(object)
		if err != nil {
			return err
		}
		if s != nil {
			lists[s] = append(lists[s], s.kind.entry(object))
		}
	}
	for _, n := range d.namespaces {
		for _, s := range n.stores {
			if err := s.Replace(lists[s], ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// storeFor returns nil for an object outside the Directory's namespaces.
func (d *Directory) storeFor(object Object) (*store, error) {
	n, ok := d.namespaces[object.GetNamespace()]
	if !ok {
		return nil, nil
	}
	for _, s := range n.stores {
		if s.kind.accepts(object) {
			return s, nil
		}
	}
	return nil, fmt.Errorf("follow %T: not a kind of the directory", object)
}

// publish makes a new Snapshot. Of realms that claim one issuer or could name the same subjects, only the oldest serves, by the same
// rule as in the controllers: one that is itself refused still keeps its names.
func (d *Directory) publish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []*v1alpha1.Realm
	next := &Snapshot{}
	for _, n := range d.namespaces {
		n.mu.RLock()
		all = slices.AppendSeq(all, maps.Values(n.realms.byName))
		n.mu.RUnlock()
		if r := n.view.Load(); r != nil {
			next.Realms = append(next.Realms, r)
		}
	}
	next.Realms = slices.DeleteFunc(next.Realms, func(r *Realm) bool {
		return slices.ContainsFunc(all, func(other *v1alpha1.Realm) bool {
			return other.UID != r.UID && identity.Older(other, r.object) &&
				(other.Spec.Issuer == r.Issuer || validate.PrefixesOverlap(other, r.object))
		})
	})
	slices.SortFunc(next.Realms, compareAge)
	d.snapshot.Store(next)
	select {
	case d.changed <- struct{}{}:
	default:
	}
}
