package server

import (
	"cmp"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/server/grants"
)

// metrics implements grants.Observer and signin.Observer. Every label has few values, all of them ours: the grants served or "none", the classes of
// client or "unknown", the error codes or "success".
type metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	signIns   *prometheus.CounterVec
	// good are the children of the busiest path, looked up once.
	good map[string]prometheus.Counter
	took map[string]prometheus.Observer
}

func newMetrics(config *Config) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "watchword_token_requests_total", Help: "Token requests by grant, class of client, and outcome.",
		}, []string{"grant", "client_type", "outcome"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "watchword_token_request_duration_seconds", Help: "Time from the first byte of a token request's body to its answer.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"grant"}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "watchword_sign_ins_total", Help: "Attempts of people to sign in on our pages, by method and outcome.",
		}, []string{"method", "outcome"}),
		good: map[string]prometheus.Counter{}, took: map[string]prometheus.Observer{"": nil},
	}
	m.took[""] = m.durations.WithLabelValues("none")
	for _, grant := range grants.Served() {
		m.took[string(grant)] = m.durations.WithLabelValues(string(grant))
		m.good[string(grant)] = m.requests.WithLabelValues(string(grant), "confidential", audit.Success)
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "watchword_password_queue_length", Help: "Passwords that are being verified or wait for it.",
	}, func() float64 { return float64(config.Hasher.Waiting()) })
	for _, collector := range []prometheus.Collector{m.requests, m.durations, m.signIns, waiting, newDirectoryCollector(config)} {
		if err := config.Registry.Register(collector); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// TokenRequest implements grants.Observer.
func (m *metrics) TokenRequest(grant, client, outcome string, took time.Duration) {
	m.took[grant].Observe(took.Seconds())
	if outcome == audit.Success && client == "confidential" {
		m.good[grant].Inc()
		return
	}
	m.requests.WithLabelValues(cmp.Or(grant, "none"), cmp.Or(client, "unknown"), outcome).Inc()
}

// SignIn implements signin.Observer.
func (m *metrics) SignIn(method, outcome string) { m.signIns.WithLabelValues(method, outcome).Inc() }

// directoryCollector reads the directory when metrics are scraped.
type directoryCollector struct {
	directory *directory.Directory
	now       func() time.Time

	objects, refused, heard, keyAge, certificate *prometheus.Desc
}

func newDirectoryCollector(config *Config) *directoryCollector {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &directoryCollector{
		directory: config.Directory, now: config.Now,
		objects: describe("watchword_directory_objects", "Objects that are served from memory.", "namespace", "resource"),
		refused: describe("watchword_directory_refused_total", "Objects that came in and are not served, because they break a rule.", "namespace", "resource"),
		heard: describe("watchword_directory_last_heard_seconds",
			"Seconds since the API server sent anything about a resource; bookmarks come about once a minute.", "namespace", "resource"),
		keyAge: describe("watchword_signing_key_age_seconds", "Age of the key that signs now.", "namespace", "algorithm"),
		certificate: describe("watchword_serving_certificate_expiry_timestamp_seconds",
			"When the serving certificate of a realm expires.", "namespace"),
	}
}

// Describe implements prometheus.Collector.
func (c *directoryCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.objects, c.refused, c.heard, c.keyAge, c.certificate} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *directoryCollector) Collect(out chan<- prometheus.Metric) {
	now := c.now()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, s := range c.directory.Stats() {
		gauge(c.objects, float64(s.Objects), s.Namespace, s.Resource)
		out <- prometheus.MustNewConstMetric(c.refused, prometheus.CounterValue, float64(s.Refused), s.Namespace, s.Resource)
		if !s.Heard.IsZero() {
			gauge(c.heard, now.Sub(s.Heard).Seconds(), s.Namespace, s.Resource)
		}
	}
	for _, realm := range c.directory.Snapshot().Realms {
		for _, key := range realm.Ring.Published() {
			if active, ok := realm.Ring.Active(key.Algorithm, now); ok && active == key {
				gauge(c.keyAge, now.Sub(key.SignsFrom()).Seconds(), realm.Namespace, key.Algorithm)
			}
		}
		if realm.Certificate != nil && realm.Certificate.Leaf != nil {
			gauge(c.certificate, float64(realm.Certificate.Leaf.NotAfter.Unix()), realm.Namespace)
		}
	}
}
