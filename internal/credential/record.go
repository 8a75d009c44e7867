package credential

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Record is what the credential Secret of a User holds.
type Record struct {
	// Hash is the password hash in force: a PHC string, or bcrypt. Empty: no password.
	Hash string
	// Subject is the sub of the person it belongs to; a User deleted and made again does not inherit the password.
	Subject string
	// ChangedAt is when Hash last changed.
	ChangedAt time.Time
	// MustChangeBy is set when Hash is of a temporary password: until then it opens nothing but the change of the password, and
	// afterwards nothing at all.
	MustChangeBy time.Time
	// AppliedHash is the hash of the last value taken from spec.password.secretRef. It tells a changed Secret from an unchanged one.
	AppliedHash string
	// AppliedVersion is UID and resourceVersion of that Secret when it was last compared: equal means unchanged, without hashing.
	AppliedVersion string
	// Request is the value of the reset-password annotation that made Hash; empty if none did.
	Request string
	// History are the hashes of earlier passwords that the person chose, newest first; at most MaxHistory.
	History []string

	// Version is the resourceVersion of the Secret that the record was read from; it is not kept.
	Version string
}

// MaxHistory is how many earlier passwords are remembered at most.
const MaxHistory = 24

// Keys of a credential Secret's data.
const (
	dataHash           = "hash"
	dataSubject        = "subject"
	dataChangedAt      = "changed_at"
	dataMustChangeBy   = "must_change_by"
	dataAppliedHash    = "applied_hash"
	dataAppliedVersion = "applied_version"
	dataRequest        = "request"
	dataHistory        = "history"
)

// SecretName is the name of the Secret that holds the Record of a User object.
func SecretName(user string) string { return user + "-credential" }

// TemporarySecretName is the name of the Secret that carries a temporary password to a User object's person.
func TemporarySecretName(user string) string { return user + "-temporary-password" }

// Data is the record as Secret data; empty fields are left out.
func (r Record) Data() map[string][]byte {
	data := map[string][]byte{}
	put := func(key, value string) {
		if value != "" {
			data[key] = []byte(value)
		}
	}
	put(dataHash, r.Hash)
	put(dataSubject, r.Subject)
	put(dataChangedAt, format(r.ChangedAt))
	put(dataMustChangeBy, format(r.MustChangeBy))
	put(dataAppliedHash, r.AppliedHash)
	put(dataAppliedVersion, r.AppliedVersion)
	put(dataRequest, r.Request)
	put(dataHistory, strings.Join(r.History[:min(len(r.History), MaxHistory)], "\n"))
	return data
}

// DataKeys are all keys that Data may set.
func DataKeys() []string {
	return []string{
		dataHash, dataSubject, dataChangedAt, dataMustChangeBy, dataAppliedHash, dataAppliedVersion, dataRequest, dataHistory,
	}
}

// RecordFrom reads a record. The error names Secret and key, and quotes nothing.
func RecordFrom(s *corev1.Secret) (Record, error) {
	r := Record{
		Hash: string(s.Data[dataHash]), Subject: string(s.Data[dataSubject]), AppliedHash: string(s.Data[dataAppliedHash]),
		AppliedVersion: string(s.Data[dataAppliedVersion]), Request: string(s.Data[dataRequest]), Version: s.ResourceVersion,
	}
	if history := string(s.Data[dataHistory]); history != "" {
		r.History = strings.SplitN(history, "\n", MaxHistory+1)
		r.History = r.History[:min(len(r.History), MaxHistory)]
	}
	var err error
	if r.ChangedAt, err = instant(s, dataChangedAt); err != nil {
		return Record{}, err
	}
	if r.MustChangeBy, err = instant(s, dataMustChangeBy); err != nil {
		return Record{}, err
	}
	return r, nil
}

// ClientSecrets is what the Secret of a ClientApplication holds.
type ClientSecrets struct {
	ClientID string
	// Current is the secret to use.
	Current string
	// Previous is still accepted until PreviousExpiresAt; empty when there is none.
	Previous string
	// RotatedAt is when Current was made.
	RotatedAt time.Time
	// PreviousExpiresAt is when Previous ends.
	PreviousExpiresAt time.Time
	// Request is the value of the rotate-secret annotation that made Current; empty if none did.
	Request string
}

// Keys of a client Secret's data. Programs read the first two.
const (
	dataClientID          = "client_id"
	dataClientSecret      = "client_secret"
	dataPreviousSecret    = "previous_client_secret"
	dataPreviousExpiresAt = "previous_expires_at"
	dataRotatedAt         = "rotated_at"
)

// Data is the secrets as Secret data; empty fields are left out.
func (c ClientSecrets) Data() map[string][]byte {
	data := map[string][]byte{dataClientID: []byte(c.ClientID), dataClientSecret: []byte(c.Current), dataRotatedAt: []byte(format(c.RotatedAt))}
	if c.Previous != "" {
		data[dataPreviousSecret] = []byte(c.Previous)
		data[dataPreviousExpiresAt] = []byte(format(c.PreviousExpiresAt))
	}
	if c.Request != "" {
		data[dataRequest] = []byte(c.Request)
	}
	return data
}

// ClientSecretsFrom reads the secrets of a client. The error names Secret and key, and quotes nothing.
func ClientSecretsFrom(s *corev1.Secret) (ClientSecrets, error) {
	c := ClientSecrets{
		ClientID: string(s.Data[dataClientID]), Current: string(s.Data[dataClientSecret]),
		Previous: string(s.Data[dataPreviousSecret]), Request: string(s.Data[dataRequest]),
	}
	if c.Current == "" {
		return ClientSecrets{}, fmt.Errorf("read Secret %q: key %q is missing or empty", s.Name, dataClientSecret)
	}
	var err error
	if c.RotatedAt, err = instant(s, dataRotatedAt); err != nil {
		return ClientSecrets{}, err
	}
	if c.PreviousExpiresAt, err = instant(s, dataPreviousExpiresAt); err != nil {
		return ClientSecrets{}, err
	}
	return c, nil
}

func format(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func instant(s *corev1.Secret, key string) (time.Time, error) {
	raw := string(s.Data[key])
	if raw == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, raw)
	if err != nil {
		return time.Time{}, fmt.Errorf("read Secret %q: key %q is not an RFC 3339 time", s.Name, key)
	}
	return t, nil
}
