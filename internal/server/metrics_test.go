package server_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetrics(t *testing.T) {
	f := newFixture(t)
	f.post(credentialsForm())
	f.post(credentialsForm())
	f.post(passwordForm())
	f.post(form("grant_type", "client_credentials"), basic("x'\"\n{}", "wrong"))
	f.post(form("grant_type", "made-up-by-a-stranger"))
	want := `
		# HELP watchword_token_requests_total Token requests by grant, class of client, and outcome.
		# TYPE watchword_token_requests_total counter
		watchword_token_requests_total{client_type="confidential",grant="authorization_code",outcome="success"} 0
		watchword_token_requests_total{client_type="confidential",grant="client_credentials",outcome="success"} 2
		watchword_token_requests_total{client_type="confidential",grant="password",outcome="success"} 0
		watchword_token_requests_total{client_type="confidential",grant="refresh_token",outcome="success"} 0
		watchword_token_requests_total{client_type="confidential",grant="urn:ietf:params:oauth:grant-type:device_code",outcome="success"} 0
		watchword_token_requests_total{client_type="public",grant="password",outcome="success"} 1
		watchword_token_requests_total{client_type="unknown",grant="client_credentials",outcome="invalid_client"} 1
		watchword_token_requests_total{client_type="unknown",grant="none",outcome="unsupported_grant_type"} 1
	`
	if err := testutil.GatherAndCompare(f.registry, strings.NewReader(want), "watchword_token_requests_total"); err != nil {
		t.Error(err)
	}
	for name, count := range map[string]int{
		"watchword_token_request_duration_seconds": 6, "watchword_password_queue_length": 1, "watchword_directory_objects": 12,
		"watchword_directory_refused_total": 12, "watchword_signing_key_age_seconds": 1, "watchword_serving_certificate_expiry_timestamp_seconds": 1,
	} {
		if got, err := testutil.GatherAndCount(f.registry, name); err != nil || got != count {
			t.Errorf("%s has %d series, %v; want %d", name, got, err, count)
		}
	}
	if problems, err := testutil.GatherAndLint(f.registry); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
}

func TestAuditOfSuccess(t *testing.T) {
	f := newFixture(t)
	got := f.post(credentialsForm("scope", "deploy"))
	_, claims := f.claims(got.json["access_token"])
	records := f.records()
	if len(records) != 1 {
		t.Fatalf("audit = %v; want one record", records)
	}
	for k, want := range map[string]any{
		"time": "2026-11-23T12:00:00.000Z", "realm": "acme", "action": "token.issue", "grant": "client_credentials", "result": "success",
		"actor": "application:pipeline", "client": "pipeline", "source": "192.0.2.1", "kid": f.key.ID, "jti": claims["jti"],
		"audience": "https://api.example.com", "request_id": got.header.Get("X-Request-Id"),
	} {
		if records[0][k] != want {
			t.Errorf("audit %s = %v; want %v", k, records[0][k], want)
		}
	}
	if token, _ := got.json["access_token"].(string); strings.Contains(f.audit.String(), token[:40]) {
		t.Error("the audit log holds a token")
	}
}
