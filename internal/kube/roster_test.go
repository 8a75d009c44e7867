package kube

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// aUser is a User of namespace acme, the older the smaller its age.
func aUser(name string, age int, edits ...func(*v1alpha1.User)) *v1alpha1.User {
	u := &v1alpha1.User{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "acme", Name: name, UID: types.UID("uid-" + name), Generation: 1,
			CreationTimestamp: metav1.NewTime(start.Add(time.Duration(age) * time.Second)),
		},
		Spec: v1alpha1.UserSpec{Email: name + "@example.com", Username: name},
	}
	for _, edit := range edits {
		edit(u)
	}
	return u
}

func named(username string) func(*v1alpha1.User) {
	return func(u *v1alpha1.User) { u.Spec.Username = username }
}

// listed fills a roster as a complete list does.
func listed(r *Roster, users ...*v1alpha1.User) {
	r.begin("acme")
	for _, u := range users {
		r.set(u)
	}
	r.end("acme")
}

func peopleNames(people []*Person) []string {
	var out []string
	for _, p := range people {
		out = append(out, p.Name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestElder(t *testing.T) {
	tests := map[string]struct {
		others []*v1alpha1.User
		self   *v1alpha1.User
		want   string
	}{
		"alone":                  {self: aUser("alice", 5)},
		"others":                 {others: []*v1alpha1.User{aUser("bob", 1), aUser("carol", 2)}, self: aUser("alice", 5)},
		"older, same user name":  {others: []*v1alpha1.User{aUser("bob", 1, named("alice"))}, self: aUser("alice", 5), want: "bob"},
		"younger, the same":      {others: []*v1alpha1.User{aUser("bob", 9, named("alice"))}, self: aUser("alice", 5)},
		"her email as user name": {others: []*v1alpha1.User{aUser("bob", 1, named("alice@example.com"))}, self: aUser("alice", 5), want: "bob"},
		"same second: by UID":    {others: []*v1alpha1.User{aUser("aaa", 5, named("alice"))}, self: aUser("alice", 5), want: "aaa"},
		"the oldest of several": {others: []*v1alpha1.User{aUser("c", 3, named("alice")), aUser("b", 2, named("alice")), aUser("d", 4, named("alice"))},
			self: aUser("alice", 5), want: "b"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := NewRoster(nil, []string{"acme"})
			listed(r, append(tc.others, tc.self)...)
			got := ""
			if elder := r.Elder(tc.self); elder != nil {
				got = elder.Name
			}
			if got != tc.want {
				t.Errorf("Elder = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestRosterFollowsChanges(t *testing.T) {
	r := NewRoster(nil, []string{"acme"})
	listed(r, aUser("alice", 1), aUser("bob", 2, named("alice")), aUser("carol", 3, named("alice")))
	if got := peopleNames(r.Claimants("acme", "alice")); len(got) != 3 {
		t.Fatalf("claimants of alice: %v, want all three", got)
	}
	r.set(aUser("bob", 2)) // bob takes his own name
	r.gone(aUser("carol", 3))
	if diff := cmp.Diff([]string{"alice"}, peopleNames(r.Claimants("acme", "alice"))); diff != "" {
		t.Errorf("claimants of alice (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"bob"}, peopleNames(r.Claimants("acme", "bob", "bob@example.com"))); diff != "" {
		t.Errorf("claimants of bob (-want +got):\n%s", diff)
	}
	if got := r.Count("acme"); got != 2 {
		t.Errorf("Count = %d, want 2", got)
	}
	r.gone(aUser("alice", 1))
	if got := r.Claimants("acme", "alice", "alice@example.com"); len(got) != 0 {
		t.Errorf("claimants of a name nobody has: %v", peopleNames(got))
	}
	if r.Get("acme", "alice") != nil || r.Get("elsewhere", "bob") != nil || r.Count("elsewhere") != 0 {
		t.Error("a User that is gone, or of another namespace, is found")
	}
}

func TestRosterListAgain(t *testing.T) {
	r := NewRoster(nil, []string{"acme"})
	listed(r, aUser("alice", 1), aUser("bob", 2))
	var events []string
	r.hub.subscribe(t.Context(), func(e PersonEvent) {
		events = append(events, fmt.Sprintf("%v to %v", e.Old != nil, e.New != nil))
	})
	again := aUser("bob", 2)
	again.UID = "uid-bob-made-again"
	listed(r, again)
	if got := peopleNames(r.Select("acme", func(*Person) bool { return true })); !slices.Equal(got, []string{"bob"}) {
		t.Errorf("after the list %v are known, want bob", got)
	}
	want := []string{"true to false", "false to true", "true to false"} // the old bob goes, the new one comes, alice went
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestRosterPasswordFrom(t *testing.T) {
	from := func(secret string) func(*v1alpha1.User) {
		return func(u *v1alpha1.User) {
			u.Spec.Password = &v1alpha1.UserPassword{SecretRef: v1alpha1.SecretKeyReference{Name: secret}}
		}
	}
	r := NewRoster(nil, []string{"acme"})
	listed(r, aUser("alice", 1, from("shared")), aUser("bob", 2, from("shared")), aUser("carol", 3))
	if diff := cmp.Diff([]string{"alice", "bob"}, peopleNames(r.PasswordFrom("acme", "shared"))); diff != "" {
		t.Errorf("Users of the Secret (-want +got):\n%s", diff)
	}
	r.set(aUser("alice", 1, from("own")))
	r.gone(aUser("bob", 2))
	if got := r.PasswordFrom("acme", "shared"); len(got) != 0 {
		t.Errorf("%v still use the Secret", peopleNames(got))
	}
	if got := r.PasswordFrom("acme", ""); len(got) != 0 {
		t.Errorf("%v take a password from a Secret without a name", peopleNames(got))
	}
}

func TestRosterIsQuietAboutStatus(t *testing.T) {
	r := NewRoster(nil, []string{"acme"})
	listed(r, aUser("alice", 1))
	events := 0
	r.hub.subscribe(t.Context(), func(PersonEvent) { events++ })
	tests := []struct {
		name string
		edit func(*v1alpha1.User)
		want int
	}{
		{"status", func(u *v1alpha1.User) { u.Status.Username = "alice" }, 0},
		{"annotation", func(u *v1alpha1.User) { u.Annotations = map[string]string{v1alpha1.ResetPasswordAnnotation: "1"} }, 1},
		{"spec", func(u *v1alpha1.User) {
			u.Annotations = map[string]string{v1alpha1.ResetPasswordAnnotation: "1"}
			u.Generation = 2
		}, 2},
	}
	for _, tc := range tests {
		r.set(aUser("alice", 1, tc.edit))
		if events != tc.want {
			t.Errorf("after a change of %s %d events, want %d", tc.name, events, tc.want)
		}
	}
}

func TestRosterIsSmall(t *testing.T) {
	const people, most = 20_000, 600 // bytes a person: 100,000 take 60 MB at most
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	r := NewRoster(nil, []string{"acme"})
	r.begin("acme")
	for i := range people {
		data, err := json.Marshal(aUser(fmt.Sprintf("user-%07d", i), i, func(u *v1alpha1.User) {
			u.UID = types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
			u.Spec.Groups = []string{"everybody", "researchers"}
			u.Status.Roles = []string{"reader"}
		}))
		if err != nil {
			t.Fatal(err)
		}
		decoded := &v1alpha1.User{} // as it comes from the API server: each string with bytes of its own
		if err := json.Unmarshal(data, decoded); err != nil {
			t.Fatal(err)
		}
		r.set(decoded)
	}
	r.end("acme")
	each := (heap() - before) / people
	t.Logf("%d bytes a person", each)
	if each > most {
		t.Errorf("a person takes %d bytes, want %d at most", each, most)
	}
	runtime.KeepAlive(r)
}
