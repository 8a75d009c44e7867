package main

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// measureStartup starts processes one after the other on a realm that is set up.
func measureStartup(ctx context.Context, c config, s *stage, r *report) error {
	if err := s.confine(); err != nil {
		return err
	}
	for _, k := range []kind{{name: "full", title: "serves and reconciles"}, {name: "server", title: "only serves", flags: []string{"--components=server"}}} {
		var first []time.Duration
		for range max(c.rounds, 3) {
			started := time.Now()
			o, err := s.start(k.flags)
			if err != nil {
				return err
			}
			err = s.firstToken(ctx, o)
			first = append(first, time.Since(started))
			_ = o.Stop() // so that the next one can lead at once
			if err != nil {
				return err
			}
		}
		r.atMost("first_token_"+k.name+"_ms", milliseconds(median(first)), 1000,
			"a process that %s: first token %.0f ms after its start", k.title, milliseconds(median(first)))
	}
	return nil
}

// measureApply creates people with a password and has each sign in as soon as she can.
func measureApply(ctx context.Context, c config, s *stage, r *report) error {
	o, err := s.start(nil)
	if err != nil {
		return err
	}
	defer o.Stop() //nolint:errcheck // what it says at its end changes no figure
	if err := o.WaitReady(ctx); err != nil {
		return err
	}
	if err := s.firstSignIn(ctx, person("warm-up"), nil); err != nil { // the leader is elected, the hasher started
		return err
	}
	var ready, signedIn []time.Duration
	for i := range max(c.rounds, 3) {
		applied := time.Now()
		var set time.Duration
		newcomer := person(fmt.Sprintf("newcomer-%d", i))
		if err := s.firstSignIn(ctx, newcomer, func() { set = time.Since(applied) }); err != nil {
			return err
		}
		signedIn = append(signedIn, time.Since(applied))
		ready = append(ready, set)
	}
	r.figure("apply_to_ready_ms", milliseconds(median(ready)), "", "status Ready %.0f ms after the User was created", milliseconds(median(ready)))
	r.figure("apply_to_login_ms", milliseconds(median(signedIn)), "", "signed in %.0f ms after the User was created", milliseconds(median(signedIn)))
	return nil
}

// firstSignIn creates a person, waits until her status is Ready, and then signs her in, trying again while she is refused.
func (s *stage) firstSignIn(ctx context.Context, user *v1alpha1.User, onReady func()) error {
	if err := s.env.Client.Create(ctx, user); err != nil {
		return err
	}
	if err := s.await(ctx, user.Name+" to be ready", func(ctx context.Context) error {
		if err := s.env.Client.Get(ctx, client.ObjectKeyFromObject(user), user); err != nil {
			return err
		}
		for _, condition := range user.Status.Conditions {
			if condition.Type == v1alpha1.ReadyCondition && condition.Status == "True" {
				return nil
			}
		}
		return fmt.Errorf("conditions: %v", user.Status.Conditions)
	}); err != nil {
		return err
	}
	if onReady != nil {
		onReady()
	}
	return s.await(ctx, user.Name+" to sign in", func(context.Context) error { return s.login(user.Spec.Username).Once() })
}
