package kube

import (
	"context"
	"slices"
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// queue is what controller-runtime gives a source to fill.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// enqueue adds requests; background ones wait behind whatever somebody has just asked for.
func enqueue(q queue, background bool, requests []reconcile.Request) {
	if prioritized, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok && background {
		prioritized.AddWithOpts(priorityqueue.AddOpts{Priority: new(handler.LowPriority)}, requests...)
		return
	}
	for _, request := range requests {
		q.Add(request)
	}
}

// hub hands events to the sources of any number of controllers. The zero value is ready to use.
type hub[event any] struct {
	mu          sync.Mutex
	subscribers []*subscriber[event]
}

type subscriber[event any] struct{ notify func(event) }

// subscribe adds a subscriber until ctx ends. Whatever is published afterwards reaches it.
func (h *hub[event]) subscribe(ctx context.Context, notify func(event)) {
	s := &subscriber[event]{notify}
	h.mu.Lock()
	h.subscribers = append(h.subscribers, s)
	h.mu.Unlock()
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.subscribers = slices.DeleteFunc(h.subscribers, func(other *subscriber[event]) bool { return other == s })
	})
}

func (h *hub[event]) publish(e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.subscribers {
		s.notify(e)
	}
}

// feedSource makes a feed's events into requests of one controller.
type feedSource struct {
	start func(context.Context, queue) error
	wait  func(context.Context) error
}

var _ source.SyncingSource = feedSource{}

// Start implements source.Source.
func (s feedSource) Start(ctx context.Context, q queue) error { return s.start(ctx, q) }

// WaitForSync implements source.SyncingSource: the controller's workers start when the feed has listed everything once.
func (s feedSource) WaitForSync(ctx context.Context) error { return s.wait(ctx) }

// Background maps the events of an object to requests that wait behind everything else: for changes that concern a whole realm.
func Background(requests handler.MapFunc) handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { enqueue(q, true, requests(ctx, e.Object)) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { enqueue(q, true, requests(ctx, e.ObjectNew)) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { enqueue(q, true, requests(ctx, e.Object)) },
	}
}
