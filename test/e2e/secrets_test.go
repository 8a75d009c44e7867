package e2e_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"

	clientv3 "go.etcd.io/etcd/client/v3"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/textbrowser"
)

var _ = Describe("Secrets", func() {
	It("are in Secrets and nowhere else, whatever people and strangers type", func(ctx context.Context) {
		password := clientSecret(ctx, acme, "pipeline")
		var issued []string
		for _, r := range replicas {
			issued = append(issued, r.applicationToken(ctx, acme, "pipeline"), r.personToken(ctx, acme, "alice", alicePassword))
			for _, attempt := range []func() (answer, error){
				func() (answer, error) { return r.person(ctx, acme, "alice", wrongPassword) },
				func() (answer, error) { return r.person(ctx, acme, wrongPassword, wrongPassword) },
				func() (answer, error) { return r.application(ctx, acme, "pipeline", wrongPassword) },
				func() (answer, error) { return r.application(ctx, acme, "nobody", password) },
				func() (answer, error) { return r.get(ctx, acme, "/token?client_secret="+password) },
			} {
				got, err := attempt()
				Expect(err).NotTo(HaveOccurred())
				Expect(got.status).To(BeNumerically(">=", 400))
				Expect(got.body).NotTo(ContainSubstring(wrongPassword))
			}
		}
		Expect(admin.Create(ctx, secret(acme, "short", "short"))).To(Succeed())
		Expect(admin.Create(ctx, person(acme, "weak", "short"))).To(Succeed()) // a condition tells what is wrong
		Expect(admin.Create(ctx, secret(acme, "later", laterPassword))).To(Succeed())
		Expect(admin.Create(ctx, person(acme, "later", "later"))).To(Succeed())
		replicas[0].personToken(ctx, acme, "later", laterPassword)
		Expect(leaks(ctx, issued...)).To(BeEmpty())
	})

	It("of a sign-in, and of applications without one, are nowhere at all, wherever they are sent", func(ctx context.Context) {
		_, who := newPerson(ctx, "sue")
		portal := asPortal(ctx)
		var sent []string
		for _, r := range replicas {
			b := r.browser()
			l := signIn(ctx, b, who)
			sent = append(sent, l.code, l.verifier)
			for _, cookie := range b.Cookies(issuers[acme]) {
				sent = append(sent, cookie.Value)
			}
			got := granted(r.redeem(ctx, l, portal))
			sent = append(sent, got.text("access_token"), got.text("id_token"), got.text("refresh_token"))
			codes := granted(r.device(ctx, portal))
			sent = append(sent, codes.text("device_code"), codes.text("user_code"))
			_, err := b.Confirm(ctx, codes.text("verification_uri_complete"), who)
			Expect(err).NotTo(HaveOccurred())
			collected := granted(r.collect(ctx, codes.text("device_code"), portal))
			sent = append(sent, collected.text("refresh_token"))
			form, verifier := authorization()
			pushed, err := r.post(ctx, acme, "/par", form, portal)
			Expect(err).NotTo(HaveOccurred())
			sent = append(sent, pushed.text("request_uri"), verifier)
			sent = append(sent, workloadToken(ctx))
			misuse(ctx, r, sent[len(sent)-1], l, got, who)
		}
		Expect(sent).NotTo(ContainElement(BeEmpty()))
		Expect(leaks(ctx, sent...)).To(BeEmpty())
	})
})

// workloadToken is a ServiceAccount's for the realm.
func workloadToken(ctx context.Context) string {
	GinkgoHelper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{issuers[acme]}}}
	account := &corev1.ServiceAccount{ObjectMeta: meta("research", "default")}
	Eventually(func() error { return admin.SubResource("token").Create(ctx, account, request) }).Should(Succeed())
	return request.Status.Token
}

// misuse presents all of it where it does not belong, so that it is refused in every way.
func misuse(ctx context.Context, r *replica, assertion string, l login, got answer, who textbrowser.Someone) {
	GinkgoHelper()
	portal, wrong := asPortal(ctx), url.UserPassword("portal", wrongPassword)
	for _, attempt := range []func() (answer, error){
		func() (answer, error) { return r.redeem(ctx, l, wrong) },
		func() (answer, error) { return r.refresh(ctx, l.code, portal) },
		func() (answer, error) { return r.collect(ctx, got.text("refresh_token"), portal) },
		func() (answer, error) { return r.userinfo(ctx, acme, got.text("id_token")) },
		func() (answer, error) { return r.get(ctx, acme, "/userinfo?access_token="+got.text("access_token")) },
		func() (answer, error) {
			return r.get(ctx, acme, "/authorize?client_id=portal&redirect_uri=https://elsewhere.example.com&code="+l.code)
		},
		func() (answer, error) { return r.get(ctx, acme, "/"+l.code) },
		func() (answer, error) {
			return r.post(ctx, acme, "/token", url.Values{
				"grant_type": {"client_credentials"}, "client_id": {"portal"}, "client_assertion": {assertion},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			}, nil)
		},
		func() (answer, error) { return r.redeem(ctx, l, portal) }, // a second time
	} {
		refused, err := attempt()
		Expect(err).NotTo(HaveOccurred())
		Expect(refused.status).To(BeNumerically(">=", 400), refused.body)
	}
	form, _ := authorization()
	for _, typed := range []textbrowser.Someone{{Username: who.Username, Password: wrongPassword}, {Username: wrongPassword, Password: wrongPassword}} {
		page, err := r.browser().SignIn(ctx, issuers[acme]+"/authorize?"+form.Encode(), typed)
		Expect(err).NotTo(HaveOccurred())
		Expect(page.AsksForPassword()).To(BeTrue(), page.Text)
		Expect(page.Body).NotTo(ContainSubstring(`type="password" value`))
	}
}

// What the other specs have typed must not be anywhere either.
var _ = AfterSuite(func(ctx context.Context) {
	if admin != nil && replicas[1] != nil {
		Expect(leaks(ctx)).To(BeEmpty())
	}
})

// leaks looks for every secret of the run in everything that is not a Secret, and says what is where.
func leaks(ctx context.Context, more ...string) (found []string) {
	GinkgoHelper()
	needles := secrets(ctx, more...)
	for place, content := range haystacks(ctx) {
		for _, needle := range needles {
			if bytes.Contains(content, []byte(needle.value)) {
				found = append(found, fmt.Sprintf("%s is in %s", needle.name, place))
			}
		}
	}
	slices.Sort(found)
	return found
}

type needle struct{ name, value string }

// secrets are what was planted, what the operator generated, and tokens; each as it is and in base64, as Secrets show it.
func secrets(ctx context.Context, tokens ...string) (needles []needle) {
	GinkgoHelper()
	add := func(name, value string) {
		if len(value) >= 9 { // what is shorter is found by chance
			needles = append(needles, needle{name, value}, needle{name + " in base64", base64.StdEncoding.EncodeToString([]byte(value))})
		}
	}
	for i, planted := range []string{alicePassword, wrongPassword, laterPassword, crashPassword} {
		add(fmt.Sprintf("planted password %d", i+1), planted)
	}
	for _, token := range tokens {
		add("a token", token)
	}
	var list corev1.SecretList
	Expect(admin.List(ctx, &list, client.HasLabels{v1alpha1.ComponentLabel})).To(Succeed())
	for _, s := range list.Items {
		for _, key := range []string{"client_secret", "previous_client_secret", "password", "hash", "private.pem", "tls.key", "key"} {
			value := string(s.Data[key])
			if _, inner, ok := strings.Cut(value, "PRIVATE KEY-----\n"); ok {
				value, _, _ = strings.Cut(inner, "\n")
			}
			add(fmt.Sprintf("%s of Secret %s/%s", key, s.Namespace, s.Name), value)
		}
	}
	Expect(len(needles)).To(BeNumerically(">=", 30), "too few secrets to look for")
	return needles
}

// haystacks is everything that an administrator without access to Secrets could read: logs, audit logs, metrics, and the whole of etcd
// but for Secrets, events and custom resources included.
func haystacks(ctx context.Context) map[string][]byte {
	GinkgoHelper()
	all := map[string][]byte{}
	files, err := filepath.Glob(filepath.Join(logs, "*.log"))
	Expect(err).NotTo(HaveOccurred())
	files = append(files, env.ControlPlane.AuditLog(), env.ControlPlane.Log("kube-apiserver"), env.ControlPlane.Log("kube-controller-manager"))
	for _, file := range files {
		content, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		all["log "+filepath.Base(file)] = content
	}
	for _, r := range replicas {
		response, err := http.Get("http://" + r.Metrics + "/metrics")
		Expect(err).NotTo(HaveOccurred())
		content, err := io.ReadAll(response.Body)
		response.Body.Close()
		Expect(err).NotTo(HaveOccurred())
		all["metrics of "+r.Listen] = content
	}
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{"unix://" + filepath.Join(env.ControlPlane.Dir(), "etcd.sock")}, Context: ctx})
	Expect(err).NotTo(HaveOccurred())
	defer etcd.Close()
	stored, err := etcd.Get(ctx, "/", clientv3.WithPrefix())
	Expect(err).NotTo(HaveOccurred())
	var users int
	for _, kv := range stored.Kvs {
		key := string(kv.Key)
		if strings.HasPrefix(key, "/registry/secrets/") {
			continue
		}
		if strings.Contains(key, "/users/") {
			users++
		}
		all["etcd "+key] = kv.Value
	}
	Expect(users).To(BeNumerically(">", 0), "the dump of etcd has no Users")
	return all
}
