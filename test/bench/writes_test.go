package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCountWrites(t *testing.T) {
	const metrics = `# TYPE apiserver_request_total counter
apiserver_request_total{code="201",component="apiserver",dry_run="",group="identity.watchword.io",resource="sessions",scope="resource",subresource="",verb="POST",version="v1alpha1"} 3
apiserver_request_total{code="200",component="apiserver",dry_run="",group="identity.watchword.io",resource="sessions",scope="resource",subresource="",verb="PATCH",version="v1alpha1"} 4
apiserver_request_total{code="409",component="apiserver",dry_run="",group="identity.watchword.io",resource="sessions",scope="resource",subresource="",verb="PATCH",version="v1alpha1"} 100
apiserver_request_total{code="200",component="apiserver",dry_run="",group="identity.watchword.io",resource="sessions",scope="resource",subresource="",verb="GET",version="v1alpha1"} 1000
apiserver_request_total{code="200",component="apiserver",dry_run="",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="PUT",version="v1"} 10000
apiserver_request_total{code="201",component="apiserver",dry_run="",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="POST",version="v1"} 5
apiserver_request_sli_duration_seconds_count{verb="POST"} 7
`
	got, err := countWrites(metrics)
	if err != nil {
		t.Fatal(err)
	}
	// Creations and changes that succeeded, but no leader's renewals.
	want := map[string]int{"POST sessions": 3, "PATCH sessions": 4, "POST leases": 5}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	var written tally
	written.add(map[string]int{"POST sessions": 1, "POST leases": 5}, got)
	written.times = 3
	if written.String() != "4 PATCH sessions, 2 POST sessions" || written.each() != 2 {
		t.Errorf("the tally is %q, %v each, want 4 and 2, 2 each", written.String(), written.each())
	}
}
