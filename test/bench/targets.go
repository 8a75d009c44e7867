package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/test/load"
)

// secret reads the secret that the operator generated for an application.
func (s *stage) secret(ctx context.Context, application string) (string, error) {
	var secret corev1.Secret
	key := client.ObjectKey{Namespace: namespace, Name: application + "-client-secret"}
	if err := s.env.Client.Get(ctx, key, &secret); err != nil {
		return "", err
	}
	return string(secret.Data["client_secret"]), nil
}

// token asks for a token by client_credentials as an application.
func (s *stage) token(ctx context.Context, application string) (load.Target, error) {
	secret, err := s.secret(ctx, application)
	if err != nil {
		return load.Target{}, fmt.Errorf("read the secret of %s: %w", application, err)
	}
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(application) + ":" + url.QueryEscape(secret)))
	return load.Post(s.listen, s.roots, "/realms/bench/token", "grant_type=client_credentials", "Authorization: Basic "+basic), nil
}

// login asks for a token by a person's password.
func (s *stage) login(username string) load.Target {
	form := url.Values{
		"grant_type": {"password"}, "client_id": {"kubernetes"}, "username": {username}, "password": {password}, "scope": {"openid"},
	}
	return load.Post(s.listen, s.roots, "/realms/bench/token", form.Encode())
}
