package admission_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/text/unicode/norm"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
)

var _ = Describe("A name that is reserved for Kubernetes", func() {
	// The schema refuses the plain ones first; these get past it.
	disguised := map[string]string{
		"with a full-width colon":    "system：masters",
		"with a small colon":         "system﹕masters",
		"with a vertical colon":      "system︓masters",
		"with a double colon equal":  "system⩴masters",
		"with a full-width letter":   "ｓystem:masters",
		"with a long s":              "ſystem:masters",
		"with an accent":             "s\u0301ystem:masters",
		"behind a space":             " system:masters",
		"behind a no-break space":    "\u00a0system:masters",
		"behind a zero-width space":  "\u200bsystem:masters",
		"with a space inside":        "Sys Tem:masters",
		"with a soft hyphen inside":  "sys\u00adtem:masters",
		"with a direction override":  "\u202esystem:masters",
		"in Cyrillic that looks so":  "ѕуѕtem:masters",
		"with a variation selector":  "system\ufe0f:masters",
		"with a mathematical letter": "𝐬ystem:masters",
	}
	for how, name := range disguised {
		It("is refused "+how, func(ctx context.Context) {
			acme := namespace(ctx)
			Expect(env.Client.Create(ctx, user(acme, "mallory", "staff", name))).To(beInvalid("names beginning with system: are reserved for Kubernetes"))
			Expect(env.Client.Create(ctx, role(acme, "mallory", "view", name))).To(beInvalid("names beginning with system: are reserved for Kubernetes"))
			group := rule(acme, "mallory", "viewer")
			group.Spec.Subject = v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectGroup, Name: name}
			Expect(env.Client.Create(ctx, group)).To(beInvalid("names beginning with system: are reserved for Kubernetes"))

			group.Spec.Subject.Name = "staff"
			Expect(env.Client.Create(ctx, group)).To(Succeed())
			group.Spec.Subject.Name = name
			Expect(env.Client.Update(ctx, group)).To(beInvalid("choose a name without a colon"))
		})
	}

	It("is not what has system somewhere, or a colon after plain letters", func(ctx context.Context) {
		groups := []string{"systemd", "operating-system:users", "équipe réseau", "GPU: users", "oidc:équipe", "a b:c", "systems:x", "~system:x"}
		Expect(env.Client.Create(ctx, user(namespace(ctx), "alice", groups...))).To(Succeed())
	})

	It("is not a realm's prefix, given or by default", func(ctx context.Context) {
		realm := &v1alpha1.Realm{ObjectMeta: meta("system", "acme"), Spec: v1alpha1.RealmSpec{Issuer: "https://id.example.com"}}
		_, err := kubectl("create", "namespace", "system")
		Expect(err).NotTo(HaveOccurred())
		Expect(env.Client.Create(ctx, realm.DeepCopy())).To(beInvalid("set spec.kubernetes.usernamePrefix and groupsPrefix"))
		realm.Spec.Kubernetes.UsernamePrefix = "acme:"
		Expect(env.Client.Create(ctx, realm.DeepCopy())).To(beInvalid("set spec.kubernetes.usernamePrefix and groupsPrefix"))
		realm.Spec.Kubernetes.GroupsPrefix = "acme:"
		Expect(env.Client.Create(ctx, realm)).To(Succeed())
	})

	It("does not keep an object that is older than the policy from being labelled, nor from being mended", func(ctx context.Context) {
		stored := user(older, "older")
		Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(stored), stored)).To(Succeed())
		stored.Labels = map[string]string{"team": "research"}
		Expect(env.Client.Update(ctx, stored)).To(Succeed())
		stored.Spec.Disabled = true
		Expect(env.Client.Update(ctx, stored)).To(beInvalid("names beginning with system: are reserved for Kubernetes"))
		stored.Spec.Groups = nil
		Expect(env.Client.Update(ctx, stored)).To(Succeed())
	})

	It("is refused by the policy wherever tokens and bindings refuse it, for every character in any place", func() {
		refused := policyRefuses()
		for r := rune(1); r <= unicode.MaxRune; r++ {
			if !utf8.ValidRune(r) || !foldsToSystem(r) {
				continue
			}
			c := string(r)
			for _, name := range []string{c + "ystem:x", "sy" + c + "tem:x", "system" + c + "x", c + "system:x", "sys" + c + "tem:x", "system" + c + ":x", "sy" + c + "em:x"} {
				if identity.Reserved(name) && !strings.ContainsAny(name, controls) {
					Expect(refused(name)).To(BeTrue(), "%q (%U)", name, r)
				}
			}
		}
	})
})

// foldsToSystem reports whether a character can turn into a letter of "system:" or vanish: all others cannot disguise it.
func foldsToSystem(r rune) bool {
	return strings.ContainsFunc(norm.NFKD.String(string(r)), func(d rune) bool {
		return strings.ContainsRune("system:EMSTY\u017f", d) || unicode.In(d, unicode.Z, unicode.M, unicode.Cc, unicode.Cf)
	})
}

// controls cannot be in a name: the schemas refuse them.
const controls = "\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"

// policyRefuses reads the three expressions of the policy, which CEL and Go match alike (RE2).
func policyRefuses() func(name string) bool {
	GinkgoHelper()
	content, err := os.ReadFile(filepath.Join(config("admission"), "reserved_names.yaml"))
	Expect(err).NotTo(HaveOccurred())
	found := regexp.MustCompile(`n\.matches\('([^']+)'\)`).FindAllStringSubmatch(string(content), -1)
	Expect(found).To(HaveLen(3), "the policy has no longer the three expressions that this test knows")
	var expressions [3]*regexp.Regexp
	for i, match := range found {
		expressions[i] = regexp.MustCompile(strings.ReplaceAll(match[1], `\\`, `\`))
	}
	withoutColon, plainBefore, reserved := expressions[0], expressions[1], expressions[2]
	return func(name string) bool {
		return !withoutColon.MatchString(name) && (!plainBefore.MatchString(name) || reserved.MatchString(name))
	}
}
