package server

import (
	"errors"
	"fmt"
	"net/http"
)

// Ready is the readiness check: the caches are filled, and for every realm that its controllers call Ready this replica holds a
// signing key whose time has come, and a certificate. A realm that is not Ready keeps nobody else from being served, and a realm
// made after the start does not count before the controllers are done with it. It never asks the API server: while that is away,
// tokens are still issued.
func (s *Server) Ready(*http.Request) error {
	if s.draining.Load() {
		return errors.New("draining")
	}
	if !s.Directory.HasSynced() {
		return errors.New("the read model is not filled yet")
	}
	for _, realm := range s.Directory.Snapshot().Realms {
		if !realm.Ready {
			continue
		}
		if _, ok := realm.Signing("", s.Now()); !ok {
			return fmt.Errorf("realm %s/%s: this replica holds no active signing key", realm.Namespace, realm.Name)
		}
		if realm.Certificate == nil {
			return fmt.Errorf("realm %s/%s: this replica holds no serving certificate", realm.Namespace, realm.Name)
		}
	}
	return nil
}
