package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// pageSize is how many objects one list request returns: what is in flight is bounded by it, however many objects there are.
const pageSize = 500

// follower is told what a feed sees. Calls for one namespace never overlap.
type follower interface {
	// begin: a full list of the namespace follows.
	begin(namespace string)
	// set: the object exists in this state.
	set(obj client.Object)
	// gone: the object was deleted.
	gone(obj client.Object)
	// end: the list is complete; what it did not hold is gone.
	end(namespace string)
}

// feed lists a kind in pages and then watches it, keeping nothing: an informer's store of 100,000 objects costs more memory than the
// whole process may have. It resumes where a watch ended, and lists again when the API server no longer knows that place.
type feed struct {
	client     client.WithWatch
	newList    func() client.ObjectList
	namespaces []string
	follower   follower

	synced chan struct{}
	mu     sync.Mutex
	listed map[string]bool
}

func newFeed(c client.WithWatch, namespaces []string, newList func() client.ObjectList, f follower) *feed {
	return &feed{client: c, newList: newList, namespaces: namespaces, follower: f, synced: make(chan struct{}), listed: map[string]bool{}}
}

// run follows every namespace until ctx ends.
func (f *feed) run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, namespace := range f.namespaces {
		wg.Go(func() { f.follow(ctx, namespace) })
	}
	wg.Wait()
	return nil
}

// wait returns when every namespace has been listed once.
func (f *feed) wait(ctx context.Context) error {
	select {
	case <-f.synced:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the first list: %w", ctx.Err())
	}
}

func (f *feed) follow(ctx context.Context, namespace string) {
	fresh := func() wait.Backoff {
		return wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 8, Cap: 15 * time.Second}
	}
	backoff := fresh()
	for ctx.Err() == nil {
		version, err := f.list(ctx, namespace)
		if err == nil {
			f.markListed(namespace)
			backoff = fresh()
			err = f.watch(ctx, namespace, version)
		}
		log.FromContext(ctx).V(1).Info("list again", "namespace", namespace, "kind", fmt.Sprintf("%T", f.newList()), "because", fmt.Sprint(err))
		pause(ctx, backoff.Step())
	}
}

func (f *feed) markListed(namespace string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listed[namespace] {
		return
	}
	f.listed[namespace] = true
	if len(f.listed) == len(f.namespaces) {
		close(f.synced)
	}
}

// list reads the whole namespace page by page and returns the resourceVersion to watch from.
func (f *feed) list(ctx context.Context, namespace string) (string, error) {
	f.follower.begin(namespace)
	next := ""
	for {
		list := f.newList()
		if err := f.client.List(ctx, list, client.InNamespace(namespace), client.Limit(pageSize), client.Continue(next)); err != nil {
			return "", fmt.Errorf("list: %w", err)
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			f.follower.set(item.(client.Object))
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("read list: %w", err)
		}
		if next = list.GetContinue(); next == "" {
			f.follower.end(namespace)
			return list.GetResourceVersion(), nil
		}
	}
}

// watch follows changes from a resourceVersion on, through any number of closed connections. It returns when only a new list can help.
func (f *feed) watch(ctx context.Context, namespace, version string) error {
	backoff := wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 10, Cap: 15 * time.Second}
	for ctx.Err() == nil {
		w, err := f.client.Watch(ctx, f.newList(), client.InNamespace(namespace), &client.ListOptions{
			Raw: &metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true},
		})
		if err == nil {
			var seen bool
			version, seen, err = f.drain(ctx, w, version)
			w.Stop()
			if seen {
				backoff.Duration, backoff.Steps = 100*time.Millisecond, 10
			}
		}
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			return err
		}
		pause(ctx, backoff.Step())
	}
	return ctx.Err()
}

// drain handles events until the watch or ctx ends, and returns how far it came and whether there was any event.
func (f *feed) drain(ctx context.Context, w watch.Interface, version string) (string, bool, error) {
	seen := false
	for {
		var event watch.Event
		var open bool
		select {
		case <-ctx.Done():
			return version, seen, ctx.Err()
		case event, open = <-w.ResultChan():
		}
		if !open {
			return version, seen, nil
		}
		if event.Type == watch.Error {
			return version, seen, apierrors.FromObject(event.Object)
		}
		obj, ok := event.Object.(client.Object)
		if !ok {
			return version, seen, errors.New("watch: event without an object")
		}
		switch event.Type {
		case watch.Added, watch.Modified:
			f.follower.set(obj)
		case watch.Deleted:
			f.follower.gone(obj)
		}
		version, seen = obj.GetResourceVersion(), true
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
