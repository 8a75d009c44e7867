package directory

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	corev1 "k8s.io/api/core/v1"
)

// relist is how reflectors come back after trouble: at most 5 s apart, so that an outage is over seconds after the API server is
// back, and jittered, so that replicas do not come back all at once.
func relist() *wait.Backoff {
	return &wait.Backoff{Duration: 200 * time.Millisecond, Cap: 5 * time.Second, Steps: 6, Factor: 2, Jitter: 1}
}

// Run follows the API server until ctx ends, and then returns nil. It must be called once.
func (d *Directory) Run(ctx context.Context, source *Source) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, n := range d.namespaces {
		for _, s := range n.stores {
			wg.Go(func() { n.follow(ctx, s, source.client(s.kind), s.kind, nil) })
		}
	}
	wg.Go(func() { d.release(ctx) })
	given := map[*namespace]givenCertificate{}
	for {
		for _, n := range d.namespaces {
			given[n] = given[n].renew(ctx, &wg, n, source)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.changed:
		}
	}
}

// release gives the memory of the first lists back to the system, once: decoding 100,000 objects leaves many times the memory of
// their records behind, and the runtime would return it only slowly and in part.
func (d *Directory) release(ctx context.Context) {
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(context.Context) (bool, error) { return d.HasSynced(), nil })
	if err == nil {
		debug.FreeOSMemory()
	}
}

func (s *Source) client(k *kind) rest.Interface {
	if k.core {
		return s.core
	}
	return s.identity
}

// follow runs one reflector until ctx ends.
func (n *namespace) follow(ctx context.Context, into cache.ReflectorStore, client rest.Interface, k *kind, selector fields.Selector) {
	heard := func() {}
	if s, ok := into.(*store); ok {
		heard = func() { s.touch(n.directory.now()) }
	}
	log := n.directory.log.WithValues("namespace", n.name)
	source := &listWatch{client: client, kind: k, namespace: n.name, fields: selector, heard: heard}
	cache.NewReflectorWithOptions(source, nil, into, cache.ReflectorOptions{
		Name: "directory/" + k.resource, TypeDescription: k.resource, Logger: &log, Backoff: relist(),
	}).RunWithContext(klog.NewContext(ctx, log))
}

// shrink turns a list into a list of entries.
func (l *listWatch) shrink(list runtime.Object) (runtime.Object, error) {
	from, err := meta.ListAccessor(list)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", l.kind.resource, err)
	}
	small := &entryList{Items: make([]runtime.Object, 0, meta.LenList(list))}
	small.ResourceVersion, small.Continue, small.RemainingItemCount = from.GetResourceVersion(), from.GetContinue(), from.GetRemainingItemCount()
	err = meta.EachListItem(list, func(item runtime.Object) error {
		object, ok := item.(Object)
		if !ok {
			return fmt.Errorf("list %s: unexpected %T", l.kind.resource, item)
		}
		small.Items = append(small.Items, l.kind.entry(object))
		return nil
	})
	return small, err
}

// givenCertificate follows the one Secret by which a Realm brings its own certificate: it carries no label of ours, so it is
// watched by name, as long as the Realm names it.
type givenCertificate struct {
	name string
	stop context.CancelFunc
}

// renew starts, stops or leaves alone what g follows, and returns what is followed now.
func (g givenCertificate) renew(ctx context.Context, wg *sync.WaitGroup, n *namespace, source *Source) givenCertificate {
	name := n.givenName()
	if name == g.name {
		return g
	}
	if g.stop != nil {
		g.stop()
	}
	n.forgetGiven(name)
	if name == "" {
		return givenCertificate{}
	}
	k := kindOf[*corev1.Secret]("secrets", convertCertificate)
	k.core = true
	ctx, stop := context.WithCancel(ctx)
	wg.Go(func() {
		n.follow(ctx, &givenStore{namespace: n}, source.core, k, fields.OneTermEqualSelector("metadata.name", name))
	})
	return givenCertificate{name: name, stop: stop}
}
