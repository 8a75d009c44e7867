package controllers_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/controllers/accessrule"
	"github.com/watchword-io/watchword/controllers/clientapplication"
	"github.com/watchword-io/watchword/controllers/realm"
	"github.com/watchword-io/watchword/controllers/role"
	"github.com/watchword-io/watchword/controllers/session"
	"github.com/watchword-io/watchword/controllers/user"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/test/testenv"
)

// errKilled is what a process sees of the API server after it was killed: nothing it can use.
var errKilled = errors.New("killed")

// fuse kills a process right after one of its writes has reached the API server: the write counts, its answer is never seen.
type fuse struct {
	mu     sync.Mutex
	writes int
	after  int // 0: never
	log    []string
}

func (f *fuse) dead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.after > 0 && f.writes >= f.after
}

// burn makes a write and counts it.
func (f *fuse) burn(what string, write func() error) error {
	if f.dead() {
		return errKilled
	}
	if err := write(); err != nil {
		return err
	}
	f.mu.Lock()
	f.writes++
	f.log = append(f.log, what)
	f.mu.Unlock()
	if f.dead() {
		return errKilled
	}
	return nil
}

// read makes a read, unless the process is dead.
func (f *fuse) read(read func() error) error {
	if f.dead() {
		return errKilled
	}
	return read()
}

// client is a live client whose writes burn the fuse. A review of rights is no write.
func (f *fuse) client(base client.WithWatch, namespace string) client.WithWatch {
	name := func(verb string, obj client.Object) string { return fmt.Sprintf("%s %T %s", verb, obj, obj.GetName()) }
	return interceptor.NewClient(base, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			return f.read(func() error { return c.Get(ctx, key, obj, opts...) })
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			return f.read(func() error { return listAsCache(ctx, c, list, namespace, opts) })
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			if fmt.Sprintf("%T", obj) == "*v1.SelfSubjectAccessReview" {
				return f.read(func() error { return c.Create(ctx, obj, opts...) })
			}
			return f.burn(name("create", obj), func() error { return c.Create(ctx, obj, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			return f.burn(name("update", obj), func() error { return c.Update(ctx, obj, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return f.burn(name("patch", obj), func() error { return c.Patch(ctx, obj, patch, opts...) })
		},
		Apply: func(ctx context.Context, c client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			return f.burn("apply", func() error { return c.Apply(ctx, obj, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			return f.burn(name("delete", obj), func() error { return c.Delete(ctx, obj, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			return f.burn(name("patch "+sub, obj), func() error { return c.SubResource(sub).Patch(ctx, obj, patch, opts...) })
		},
	})
}

// listAsCache answers as the manager's cache does: from the realm namespaces only, and by the one field index of the controllers.
func listAsCache(ctx context.Context, c client.Client, list client.ObjectList, namespace string, opts []client.ListOption) error {
	options := (&client.ListOptions{}).ApplyOptions(opts)
	if _, ok := list.(*v1alpha1.RealmList); ok {
		options.Namespace = namespace
	}
	if options.FieldSelector == nil {
		return c.List(ctx, list, options)
	}
	rule, ok := options.FieldSelector.RequiresExactMatch("accessRule")
	if !ok {
		return fmt.Errorf("unknown index %s", options.FieldSelector)
	}
	options.FieldSelector = nil
	if err := c.List(ctx, list, options); err != nil {
		return err
	}
	return keepItems(list, func(obj client.Object) bool { return obj.GetAnnotations()[v1alpha1.GroupName+"/access-rule"] == rule })
}

// process is an operator without a manager: it reconciles every object in turn until nothing is left to write, so that the order of
// its writes is the same in every run.
type process struct {
	namespace   string
	client      client.WithWatch
	reconcilers []kindReconciler
}

type kindReconciler struct {
	list       func() client.ObjectList
	reconciler reconcile.Reconciler
}

// newProcess starts an operator with empty memory; everything it knows comes from the API server.
func newProcess(ctx context.Context, namespace string, now func() time.Time, f *fuse) *process {
	GinkgoHelper()
	base, err := client.NewWithWatch(operatorConfig(), client.Options{Scheme: testenv.Scheme(), Mapper: env.Client.RESTMapper()})
	Expect(err).NotTo(HaveOccurred())
	roster := kube.NewRoster(base, []string{namespace})
	go func() { _ = roster.Start(ctx) }()
	Expect(roster.Source(func(kube.PersonEvent) []reconcile.Request { return nil }).WaitForSync(ctx)).To(Succeed())

	c := f.client(base, namespace)
	keeper := kube.Keeper{Live: c, Client: c, Scheme: base.Scheme()}
	report := kube.Reporter{Client: c, Recorder: &events.FakeRecorder{}}
	return &process{namespace: namespace, client: c, reconcilers: []kindReconciler{
		{func() client.ObjectList { return &v1alpha1.RealmList{} },
			&realm.Reconciler{Client: c, Keeper: keeper, Reporter: report, Census: roster, Now: now}},
		{func() client.ObjectList { return &v1alpha1.ClientApplicationList{} },
			&clientapplication.Reconciler{Client: c, Keeper: keeper, Reporter: report, Now: now}},
		{func() client.ObjectList { return &v1alpha1.UserList{} },
			&user.Reconciler{Client: c, Keeper: keeper, Reporter: report, Roster: roster, Passwords: passwords, Now: now}},
		{func() client.ObjectList { return &v1alpha1.RoleList{} },
			&role.Reconciler{Client: c, Reporter: report, Now: now}},
		{func() client.ObjectList { return &v1alpha1.AccessRuleList{} },
			&accessrule.Reconciler{Client: c, Live: c, Reporter: report, Roster: roster, Namespaces: []string{namespace}, Now: now}},
		{func() client.ObjectList { return &v1alpha1.SessionList{} },
			&session.Reconciler{Client: c, Roster: roster, Now: now}},
	}}
}

// settle reconciles everything until a whole round writes nothing. It reports false if the process was killed on the way.
func (p *process) settle(ctx context.Context, f *fuse) bool {
	GinkgoHelper()
	for round := 0; ; round++ {
		Expect(round).To(BeNumerically("<", 20), "the operator should come to rest; it wrote %q", f.log)
		before := f.writes
		for _, kind := range p.reconcilers {
			list := kind.list()
			Expect(env.Client.List(ctx, list, client.InNamespace(p.namespace))).To(Succeed())
			for _, name := range names(list) {
				_, err := kind.reconciler.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: p.namespace, Name: name}})
				if f.dead() {
					return false
				}
				if err != nil && !errors.Is(err, reconcile.TerminalError(nil)) {
					Fail(fmt.Sprintf("reconcile %T %s: %v", list, name, err))
				}
			}
		}
		if f.writes == before {
			return true
		}
	}
}

// scenario is something that happens to a realm: prepare brings it to a state at rest, act changes what people want.
type scenario struct {
	prepare func(ctx context.Context, w *world)
	act     func(ctx context.Context, w *world)
}

// play runs a scenario in a namespace of its own with a kill after so many writes (0: none), restarts, lets it settle, and returns
// the state then and how many writes it took.
func (s scenario) play(ctx context.Context, killAfter int) (*portrait, int) {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &world{namespace: newRealmNamespace(ctx), clock: &clock{}}
	if s.prepare != nil {
		s.prepare(ctx, w)
		free := &fuse{}
		Expect(newProcess(ctx, w.namespace, w.clock.Now, free).settle(ctx, free)).To(BeTrue())
	}
	before := w.portray(ctx)
	s.act(ctx, w)
	f := &fuse{after: killAfter}
	if !newProcess(ctx, w.namespace, w.clock.Now, f).settle(ctx, f) {
		again := &fuse{}
		newProcess(ctx, w.namespace, w.clock.Now, again).settle(ctx, again)
	}
	after := w.portray(ctx)
	after.compareSecrets(before)
	return after, f.writes
}

// parallel is how many runs of a scenario go on at once: they wait for the API server most of the time.
const parallel = 4

var _ = Describe("An operator killed between any two writes", func() {
	crash := func(s scenario) func(SpecContext) {
		return func(ctx SpecContext) {
			want, writes := s.play(ctx, 0)
			Expect(writes).To(BeNumerically(">", 0))
			var wg sync.WaitGroup
			for slot := range parallel {
				wg.Go(func() {
					defer GinkgoRecover()
					for n := 1 + slot; n < writes; n += parallel {
						got, _ := s.play(ctx, n)
						Expect(cmp.Diff(want.lines(), got.lines())).To(BeEmpty(), "killed after write %d of %d: what differs (-want +got)", n, writes)
					}
				})
			}
			wg.Wait()
			fmt.Printf("crash points of %q: %d\n", CurrentSpecReport().LeafNodeText, writes-1)
		}
	}
	everything := func(ctx context.Context, w *world) {
		GinkgoHelper()
		w.passwordSecret(ctx, "source", "correct horse battery staple")
		w.user(ctx, "alice", "source")
		w.user(ctx, "bob", "")
		w.app(ctx, "ci", func(a *v1alpha1.ClientApplication) { a.Spec.SigningAlgorithm = v1alpha1.ES384 })
		w.role(ctx, "reader", "view", "watchword-auditor")
		w.rule(ctx, "alice-reads", v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: "alice"}, Role: "reader",
			Scope: v1alpha1.AccessRuleScope{Namespaces: []string{w.namespace, "default"}},
		})
		w.rule(ctx, "ci-reads", v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectClientApplication, Name: "ci"}, Role: "reader",
			Scope: v1alpha1.AccessRuleScope{Cluster: true},
		})
		Expect(env.Client.Create(ctx, &v1alpha1.Realm{ObjectMeta: w.meta("acme"), Spec: v1alpha1.RealmSpec{
			Issuer:     "https://id.example.com/" + w.namespace,
			Kubernetes: v1alpha1.KubernetesSpec{AllowedScopes: v1alpha1.AllowedScopes{Cluster: true}},
		}})).To(Succeed())
	}
	acme := func(w *world) *v1alpha1.Realm { return &v1alpha1.Realm{ObjectMeta: w.meta("acme")} }
	ci := func(w *world) *v1alpha1.ClientApplication {
		return &v1alpha1.ClientApplication{ObjectMeta: w.meta("ci")}
	}
	bob := func(w *world) *v1alpha1.User { return &v1alpha1.User{ObjectMeta: w.meta("bob")} }
	reads := func(w *world) *v1alpha1.AccessRule { return &v1alpha1.AccessRule{ObjectMeta: w.meta("alice-reads")} }

	It("makes a realm and all in it once", crash(scenario{act: everything}))

	It("rotates keys, secret and password once", crash(scenario{prepare: everything, act: func(ctx context.Context, w *world) {
		annotate(ctx, acme(w), v1alpha1.RotateKeysAnnotation, "asked")
		annotate(ctx, ci(w), v1alpha1.RotateSecretAnnotation, "asked")
		annotate(ctx, bob(w), v1alpha1.ResetPasswordAnnotation, "asked")
		update(ctx, w.secret(ctx, "source"), func(s *corev1.Secret) { s.Data["password"] = []byte("another horse, another staple") })
	}}))

	It("revokes keys once, moves a Secret, and follows changed rules", crash(scenario{prepare: everything, act: func(ctx context.Context, w *world) {
		annotate(ctx, acme(w), v1alpha1.RevokeKeysAnnotation, "leak")
		annotate(ctx, acme(w), v1alpha1.RotateKeysAnnotation, "leak")
		update(ctx, ci(w), func(a *v1alpha1.ClientApplication) { a.Spec.Secret = &v1alpha1.ClientSecret{Name: "moved"} })
		update(ctx, &v1alpha1.Role{ObjectMeta: w.meta("reader")}, func(r *v1alpha1.Role) { r.Spec.ClusterRoles = []string{"view"} })
		update(ctx, reads(w), func(r *v1alpha1.AccessRule) { r.Spec.Scope.Namespaces = []string{w.namespace} })
	}}))

	It("ends what is over", crash(scenario{prepare: everything, act: func(ctx context.Context, w *world) {
		w.clock.Advance(73 * time.Hour) // the temporary password expires
		Expect(env.Client.Delete(ctx, reads(w))).To(Succeed())
		update(ctx, ci(w), func(a *v1alpha1.ClientApplication) { a.Spec.Disabled = true })
		Expect(env.Client.Create(ctx, &corev1.Secret{
			ObjectMeta: w.meta("given"), Type: corev1.SecretTypeTLS, Data: selfSigned("id.example.com", 90*24*time.Hour),
		})).To(Succeed())
		update(ctx, acme(w), func(r *v1alpha1.Realm) {
			r.Spec.Serving.CertificateSecretRef = &v1alpha1.LocalObjectReference{Name: "given"}
		})
	}}))
})
