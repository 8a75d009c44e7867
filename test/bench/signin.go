package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/load"
	"github.com/watchword-io/watchword/test/operator"
	"github.com/watchword-io/watchword/test/textbrowser"
)

const (
	// signers sign in at the same time, each as a person of her own: the logins of one person wait for one another.
	signers = 8
	// Flows of each signer in a round. A session holds 64 grants, and none gives way within two minutes, so the signers begin each round
	// with sessions of their own; refreshes come while those hold one grant, as most sessions do.
	fullFlows, knownFlows, refreshes = 8, 16, 24
)

// signInRates are what the rounds gave.
type signInRates struct {
	hashes, full, fullBusy, known, knownBusy, refresh, refreshBusy, person, application []float64
	loginWrites, refreshWrites                                                          tally
}

// measureSignIn runs the code flow as people and the portal do: the authorization endpoint, the sign-in page, the redemption. The API
// server shares the load's core: its share of each login is part of what is measured.
func measureSignIn(ctx context.Context, c config, s *stage, r *report) error {
	o, err := s.start(nil)
	if err != nil {
		return err
	}
	defer o.Stop() //nolint:errcheck // what it says at its end changes no figure
	if err := o.WaitReady(ctx); err != nil {
		return err
	}
	p, err := s.openPortal(ctx)
	if err != nil {
		return err
	}
	if err := s.quiet(ctx); err != nil {
		return err
	}
	if err := s.confine(o.PID()); err != nil {
		return err
	}
	var rates signInRates
	for range max(c.rounds, 3) {
		if err := rates.round(ctx, c, p, o); err != nil {
			return fmt.Errorf("%w; the end of the operator's log:\n%s", err, o.Tail(15))
		}
	}
	rates.report(r)
	// What follows measures an idle process: hundreds of sessions are not part of that.
	return s.env.Client.DeleteAllOf(ctx, &v1alpha1.Session{}, client.InNamespace(namespace))
}

func (rates *signInRates) round(ctx context.Context, c config, p *portal, o *operator.Operator) error {
	hashes, err := hashesPerSecond(ctx, c.duration)
	if err != nil {
		return fmt.Errorf("measure hashes: %w", err)
	}
	rates.hashes = append(rates.hashes, hashes)
	var browsers [signers]*textbrowser.Browser
	var held [signers]credentials
	err = p.counted(ctx, &rates.loginWrites, signers*fullFlows, func() error {
		return timed(o, fullFlows, &rates.full, &rates.fullBusy, func(i int) (err error) {
			browsers[i] = p.browser()
			held[i], err = p.signIn(ctx, browsers[i], person(signer(i)).Spec.Username)
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	err = p.counted(ctx, &rates.refreshWrites, signers*refreshes, func() error {
		return timed(o, refreshes, &rates.refresh, &rates.refreshBusy, func(i int) (err error) {
			held[i], err = p.refresh(ctx, held[i].Refresh)
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	if err := timed(o, knownFlows, &rates.known, &rates.knownBusy, func(i int) error {
		_, err := p.signIn(ctx, browsers[i], "")
		return err
	}); err != nil {
		return fmt.Errorf("sign in with a cookie: %w", err)
	}
	application, err := p.token(ctx, url.Values{"grant_type": {"client_credentials"}})
	if err != nil {
		return err
	}
	for token, perSecond := range map[string]*[]float64{held[0].Access: &rates.person, application.Access: &rates.application} {
		target, err := p.introspection(token)
		if err != nil {
			return err
		}
		result, err := target.Run(ctx, load.Plan{Connections: connections, Duration: c.duration})
		if err != nil {
			return fmt.Errorf("introspect: %w", err)
		}
		*perSecond = append(*perSecond, result.PerSecond())
	}
	return nil
}

// timed has every signer do the same, and notes how many a second all of them did and how busy the server's core was.
func timed(o *operator.Operator, times int, perSecond, busy *[]float64, do func(signer int) error) error {
	before, err := cpuTime(o.PID())
	if err != nil {
		return err
	}
	var group errgroup.Group
	started := time.Now()
	for i := range signers {
		group.Go(func() error {
			for range times {
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	elapsed := time.Since(started).Seconds()
	after, err := cpuTime(o.PID())
	*perSecond = append(*perSecond, float64(signers*times)/elapsed)
	*busy = append(*busy, (after-before).Seconds()/elapsed)
	return err
}

func (rates *signInRates) report(r *report) {
	r.figure("code_logins_ceiling_per_second", median(rates.hashes), "", "password hashes and nothing else: %.0f/s", median(rates.hashes))
	r.figure("code_logins_per_second", median(rates.full), "", "code flow with user name and password (hash included): %.0f/s (server %.0f %% of its core, hashing aside)",
		median(rates.full), 100*median(rates.fullBusy))
	r.figure("code_logins_known_per_second", median(rates.known), "",
		"code flow of a browser that is signed in already (no hash): %.0f/s (server %.0f %%)", median(rates.known), 100*median(rates.knownBusy))
	r.figure("refreshes_per_second", median(rates.refresh), "", "refreshes: %.0f/s (server %.0f %%)", median(rates.refresh), 100*median(rates.refreshBusy))
	r.figure("introspections_person_per_second", median(rates.person), "",
		"introspections of a person's token, her session read each time: %.0f/s", median(rates.person))
	r.figure("introspections_application_per_second", median(rates.application), "",
		"introspections of an application's token: %.0f/s", median(rates.application))
	r.atMost("writes_per_login", rates.loginWrites.each(), 2, "writes to the API server for each login: %.2f",
		rates.loginWrites.each())
	r.note("%d logins: %s", rates.loginWrites.times, &rates.loginWrites)
	r.atMost("writes_per_refresh", rates.refreshWrites.each(), 1, "writes to the API server for each refresh: %.2f",
		rates.refreshWrites.each())
	r.note("%d refreshes: %s", rates.refreshWrites.times, &rates.refreshWrites)
	r.note("The API server runs on the load's core, beside the load: where the server's core is not busy, that is what the rate is bound by.")
}

// introspection asks about a token again and again, after it was found to be active.
func (p *portal) introspection(token string) (load.Target, error) {
	basic := base64.StdEncoding.EncodeToString([]byte(portalClient + ":" + url.QueryEscape(p.secret)))
	target := load.Post(p.stage.listen, p.stage.roots, "/realms/bench/introspect", url.Values{"token": {token}}.Encode(), "Authorization: Basic "+basic)
	body, err := target.Fetch()
	if err == nil && !strings.Contains(string(body), `"active":true`) {
		err = fmt.Errorf("the token is not active: %s", body)
	}
	return target, err
}

// signer is the name of a person who signs in here.
func signer(i int) string { return fmt.Sprintf("signer-%d", i) }
