package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/watchword-io/watchword/test/load"
)

// Rotation writes keys and statuses in realm spin all the time; that is not this spec's doing.
var _ = Describe("A load of tokens by client_credentials", func() {
	It("causes not one write to the API server", func(ctx context.Context) {
		const requests = 51_000
		replicas[0].applicationToken(ctx, acme, "pipeline")
		settled(ctx)
		before := time.Now()
		for _, r := range replicas {
			target := r.target(acme, "pipeline", clientSecret(ctx, acme, "pipeline"))
			result, err := target.Run(ctx, load.Plan{Connections: 16, Requests: requests / len(replicas)})
			Expect(err).NotTo(HaveOccurred())
			Expect(result.Latencies).To(HaveLen(requests / len(replicas)))
		}
		Expect(writes(before)).To(BeEmpty(), "%d tokens were written about", requests)
	})
})

// settled returns when the controllers have written nothing outside realm spin for two seconds.
func settled(ctx context.Context) {
	GinkgoHelper()
	Eventually(func() []string { return writes(time.Now().Add(-2 * time.Second)) }).WithContext(ctx).Should(BeEmpty())
}

// housekeeping is what the leader writes by the clock: its lease, and the end of Leases and device requests that are over.
func housekeeping(event auditv1.Event) bool {
	lease := event.ObjectRef.Resource == "leases"
	return lease && event.ObjectRef.Namespace == system || (lease || event.ObjectRef.Resource == "configmaps") && event.Verb == "delete"
}

// writes are the operator's since a time, by kube-apiserver's audit log, without those that have nothing to do with requests for
// tokens: housekeeping, and the rotation of realm spin.
func writes(since time.Time) (found []string) {
	GinkgoHelper()
	for _, event := range auditEvents() {
		if event.StageTimestamp.Time.Before(since) || !strings.HasPrefix(event.User.Username, "system:serviceaccount:"+system+":") {
			continue
		}
		switch event.Verb {
		case "get", "list", "watch":
			continue
		}
		if event.ObjectRef == nil || event.ObjectRef.Namespace == spin || housekeeping(event) {
			continue
		}
		found = append(found, event.Verb+" "+event.ObjectRef.Resource+" "+event.ObjectRef.Namespace+"/"+event.ObjectRef.Name)
	}
	return found
}

// auditEvents are all that kube-apiserver has recorded, but for a last line that it is writing now.
func auditEvents() (events []auditv1.Event) {
	GinkgoHelper()
	file, err := os.Open(env.ControlPlane.AuditLog())
	Expect(err).NotTo(HaveOccurred())
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var event auditv1.Event
		if json.Unmarshal(lines.Bytes(), &event) == nil {
			events = append(events, event)
		}
	}
	return events
}
