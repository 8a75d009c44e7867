package kube

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// apiServer is a list of Users and watches on it, as far as a feed uses them.
type apiServer struct {
	client.WithWatch // only List and Watch are called

	mu      sync.Mutex
	users   []v1alpha1.User
	version int
	lists   int
	watches chan *watch.FakeWatcher
	from    []string
}

func newAPIServer(users int) *apiServer {
	s := &apiServer{version: 100, watches: make(chan *watch.FakeWatcher, 10)}
	for i := range users {
		s.users = append(s.users, *aUser(fmt.Sprintf("user-%04d", i), i))
	}
	return s
}

func (s *apiServer) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	options := (&client.ListOptions{}).ApplyOptions(opts)
	from := 0
	if options.Continue != "" {
		from, _ = strconv.Atoi(options.Continue)
	}
	to := min(from+int(options.Limit), len(s.users))
	page := list.(*v1alpha1.UserList)
	page.Items = s.users[from:to]
	page.ResourceVersion = strconv.Itoa(s.version)
	if to < len(s.users) {
		page.Continue = strconv.Itoa(to)
	}
	return nil
}

func (s *apiServer) Watch(_ context.Context, _ client.ObjectList, opts ...client.ListOption) (watch.Interface, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from = append(s.from, (&client.ListOptions{}).ApplyOptions(opts).Raw.ResourceVersion)
	w := watch.NewFakeWithChanSize(10, false)
	s.watches <- w
	return w, nil
}

// at is a User at a resourceVersion.
func at(u *v1alpha1.User, version string) *v1alpha1.User {
	u.ResourceVersion = version
	return u
}

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for range 1000 {
		if condition() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s should happen within 5 s", what)
}

func TestFeedListsInPagesAndResumes(t *testing.T) {
	server := newAPIServer(2*pageSize + 1)
	r := NewRoster(server, []string{"acme"})
	done := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- r.Start(ctx) }()
	if err := r.feed.wait(ctx); err != nil {
		t.Fatal(err)
	}
	if got := r.Count("acme"); got != 2*pageSize+1 || server.lists != 3 {
		t.Errorf("%d users after %d pages, want %d after 3", got, server.lists, 2*pageSize+1)
	}

	first := <-server.watches
	first.Add(at(aUser("new", 9999), "101"))
	first.Action(watch.Bookmark, &v1alpha1.User{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "150"}})
	first.Stop()
	second := <-server.watches
	second.Delete(at(aUser("user-0000", 0), "151"))
	eventually(t, "an addition and a deletion", func() bool { return r.Get("acme", "new") != nil && r.Get("acme", "user-0000") == nil })

	// The API server has forgotten the place: only a new list can help.
	gone := apierrors.NewResourceExpired("too old")
	second.Error(&gone.ErrStatus)
	server.mu.Lock()
	server.users, server.version = server.users[1:3], 200
	server.mu.Unlock()
	<-server.watches
	eventually(t, "the new list", func() bool { return r.Count("acme") == 2 })

	server.mu.Lock()
	defer server.mu.Unlock()
	if diff := cmp.Diff([]string{"100", "150", "200"}, server.from); diff != "" {
		t.Errorf("watches began at (-want +got):\n%s", diff)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Start ended with %v, want no error", err)
	}
}

func TestFeedWaitEndsWithItsContext(t *testing.T) {
	r := NewRoster(newAPIServer(0), []string{"acme"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.feed.wait(ctx); err == nil {
		t.Error("wait returned without a list")
	}
}

func TestSecretFeedIsQuietWhileItLists(t *testing.T) {
	f := NewSecretFeed(nil, []string{"acme"})
	var events []string
	f.hub.subscribe(t.Context(), func(e SecretEvent) {
		if e.Secret == nil {
			events = append(events, "all of "+e.Namespace)
			return
		}
		events = append(events, e.Secret.Name)
	})
	secret := func(name string) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name}}
	}
	f.begin("acme")
	f.set(secret("there before"))
	f.end("acme")
	f.set(secret("changed"))
	f.gone(secret("deleted"))
	f.begin("acme")
	f.set(secret("listed again"))
	f.end("acme")
	if diff := cmp.Diff([]string{"changed", "deleted", "all of acme"}, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
