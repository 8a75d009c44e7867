package clientauth

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/store"
)

const (
	// maxLifetime is how far ahead the end of a client's own assertion may be. It is remembered that long.
	maxLifetime = 5 * time.Minute
	// leeway is how much the clocks of clients may differ from ours.
	leeway = 30 * time.Second
	// onceLimit bounds the write that makes an assertion a used one, reviewLimit a question to the API server.
	onceLimit, reviewLimit = 5 * time.Second, 5 * time.Second
)

// trial is one assertion on its way. Fields are set by the step that is named.
type trial struct {
	*assertion

	realm  *directory.Realm
	client *directory.Client // nil if unknown
	now    time.Time
	// identity is the workload that the assertion is about, nil if it is the client's own: claims.
	identity *directory.Identity
	// keys judge the signature: claims.
	keys []jose.JSONWebKey
}

// byAssertion proves a client by a JWT. Whatever is wrong with it, one signature is verified and nothing is read or written; keys are
// fetched only when everything that the assertion says of itself is right.
func (a *Authenticator) byAssertion(ctx context.Context, claimed *oauth2.Client, realm *directory.Realm) (Result, error) {
	result := Result{ClaimedID: claimed.ID, Method: claimed.Method}
	read, refused := parse(claimed.Assertion)
	if refused != nil {
		return result, refused
	}
	// RFC 7521 section 4.2: without client_id the assertion says who the client is.
	result.ClaimedID = cmp.Or(claimed.ID, read.Subject)
	t := &trial{assertion: read, realm: realm, now: a.Now()}
	t.client, _, _ = realm.Client(result.ClaimedID)
	reason, err := a.claims(ctx, t)
	if err != nil {
		return result, err
	}
	if t.identity != nil {
		result.Method = oauth2.AuthFederated
	}
	var key *jose.JSONWebKey
	if reason == "" {
		key, reason = pick(t.keys, t.assertion)
	}
	switch fits := a.decoys.verify(t.assertion, key); {
	case reason != "":
		return result, oauth2.BadClient(reason)
	case !fits:
		return result, oauth2.BadClient("assertion_signature")
	case t.client.Disabled:
		return result, oauth2.BadClient("client_disabled")
	}
	if t.identity == nil {
		err = a.once(ctx, t)
	} else if t.identity.Review {
		err = a.review(ctx, t)
	}
	if err == nil {
		result.Client = t.client
	}
	return result, err
}

// claims judges what the assertion says, and finds the keys by which to judge who says it. The reason is empty if nothing is wrong.
func (a *Authenticator) claims(ctx context.Context, t *trial) (reason string, err error) {
	switch {
	case t.client == nil:
		return "unknown_client", nil
	case t.client.Proofs == nil:
		return "method_not_registered", nil
	}
	proofs := t.client.Proofs
	if own := len(proofs.Keys) > 0 || proofs.KeySet.URL != ""; own && t.Issuer == t.client.ID {
		if reason := t.own(); reason != "" {
			return reason, nil
		}
		if t.keys = proofs.Keys; proofs.KeySet.URL == "" {
			return "", nil
		}
		set, err := a.keysOf(ctx, t, source{fromKeySet, proofs.KeySet})
		if err != nil {
			return "", err
		}
		t.keys = set.keys
		return "", nil
	}
	if reason := t.times(); reason != "" {
		return reason, nil
	}
	return a.federated(ctx, t)
}

// own judges an assertion that the client made itself (RFC 7523 section 3). Its audience is the issuer and nothing beside it, as
// draft-ietf-oauth-rfc7523bis demands: one that is meant for an endpoint could have been made for somebody else's.
func (t *trial) own() string {
	switch {
	case t.Subject != t.Issuer:
		return "assertion_subject"
	case !t.Audience.only(t.realm.Issuer):
		return "assertion_audience"
	case t.ID == "" || len(t.ID) > maxID:
		return "assertion_no_id"
	case t.Expires.After(t.now.Add(maxLifetime + leeway)):
		return "assertion_expiry_far"
	}
	return t.times()
}

func (t *trial) times() string {
	switch {
	case t.Expires.IsZero():
		return "assertion_no_expiry"
	case !t.now.Before(t.Expires.Add(leeway)):
		return "assertion_expired"
	case t.NotBefore.After(t.now.Add(leeway)), t.IssuedAt.After(t.now.Add(leeway)):
		return "assertion_not_yet_valid"
	}
	return ""
}

// federated finds the workload that an assertion of somebody else is about: iss, sub and aud are all as registered. The reason is that of
// the identity that came nearest.
func (a *Authenticator) federated(ctx context.Context, t *trial) (reason string, err error) {
	var unsure error
	nearest := issuerDiffers
	for i := range t.client.Proofs.Identities {
		f := &t.client.Proofs.Identities[i]
		match := t.match(f)
		if match == allFits {
			from := source{fromIssuer, f.Issuer}
			if f.Cluster {
				from = source{kind: fromCluster}
			}
			set, err := a.keysOf(ctx, t, from)
			switch {
			case err != nil:
				unsure = err
			case set.issuer == t.Issuer:
				t.identity, t.keys = f, set.keys
				return "", nil
			}
			match = issuerDiffers
		}
		nearest = max(nearest, match)
	}
	return [...]string{"assertion_issuer", "assertion_subject", "assertion_audience"}[nearest], unsure
}

// match is how far a token is that of an identity.
type match int

const (
	issuerDiffers match = iota
	subjectDiffers
	audienceDiffers
	allFits // as far as can be told without asking: which issuer the cluster has is another question
)

func (t *trial) match(f *directory.Identity) match {
	switch {
	case f.Issuer.URL != "" && f.Issuer.URL != t.Issuer,
		f.Issuer.URL == "" && !strings.HasPrefix(t.Subject, "system:serviceaccount:"):
		return issuerDiffers
	case f.Subject != t.Subject:
		return subjectDiffers
	case !t.Audience.only(cmp.Or(f.Audience, t.realm.Issuer)):
		return audienceDiffers
	}
	return allFits
}

// keysOf reads the keys of a source, from memory nearly always.
func (a *Authenticator) keysOf(ctx context.Context, t *trial, from source) (*keySet, error) {
	set, err := a.keys.get(ctx, from, func(s *keySet) bool {
		_, reason := pick(s.keys, t.assertion)
		return reason == ""
	})
	if err != nil {
		return nil, oauth2.Unavailable("assertion_keys_unreachable", retryFailed)
	}
	return set, nil
}

// once makes the assertion a used one, on every replica.
func (a *Authenticator) once(ctx context.Context, t *trial) error {
	ctx, cancel := context.WithTimeout(ctx, onceLimit)
	defer cancel()
	err := a.Once.Use(ctx, t.realm.Namespace, store.OnceClientAssertion, t.client.ID+" "+t.ID, t.Expires.Add(leeway))
	switch {
	case errors.Is(err, store.ErrUsed):
		return oauth2.BadClient("assertion_replayed")
	case err != nil:
		return oauth2.Unavailable("assertion_store", 2*time.Second)
	}
	return nil
}

// review asks the API server whether the token's Pod, ServiceAccount or Node is still there.
func (a *Authenticator) review(ctx context.Context, t *trial) error {
	ctx, cancel := context.WithTimeout(ctx, reviewLimit)
	defer cancel()
	username, err := a.Cluster.Review(ctx, t.compact, t.Audience[0])
	switch {
	case err != nil:
		return oauth2.Unavailable("token_review", 2*time.Second)
	case username != t.Subject:
		return oauth2.BadClient("assertion_reviewed_invalid")
	}
	return nil
}
