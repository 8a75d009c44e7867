// Package cluster asks this cluster's API server about the ServiceAccount tokens that it has issued: its issuer and keys, and whether
// what a token is bound to is still there.
//
// It owns two reads and one review, and leaves judging tokens to internal/server/clientauth. Its invariant: keys come over the
// connection that the process trusts anyway, so an issuer that no name server knows needs no other.
package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/watchword-io/watchword/internal/apiclient"
)

// The paths are kube-apiserver's (ServiceAccount issuer discovery). The key set's own is used, whatever address the metadata tell others.
const (
	metadataPath = "/.well-known/openid-configuration"
	keySetPath   = "/openid/v1/jwks"
)

// Cluster is the API server. It is safe for concurrent use.
type Cluster struct {
	client rest.Interface
}

// New makes a Cluster. It does no I/O.
func New(base *rest.Config) (*Cluster, error) {
	client, err := apiclient.Builtin(base, authenticationv1.SchemeGroupVersion, &authenticationv1.TokenReview{})
	if err != nil {
		return nil, err
	}
	return &Cluster{client: client}, nil
}

// Keys returns the issuer of the cluster's ServiceAccount tokens and its key set (RFC 7517 section 5).
func (c *Cluster) Keys(ctx context.Context) (issuer string, keySet []byte, err error) {
	document, err := c.client.Get().AbsPath(metadataPath).Do(ctx).Raw()
	if err != nil {
		return "", nil, fmt.Errorf("read issuer of ServiceAccount tokens: %w", err)
	}
	var metadata struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(document, &metadata); err != nil {
		return "", nil, fmt.Errorf("read issuer of ServiceAccount tokens: %w", err)
	}
	if keySet, err = c.client.Get().AbsPath(keySetPath).SetHeader("Accept", "application/jwk-set+json").Do(ctx).Raw(); err != nil {
		return "", nil, fmt.Errorf("read keys of ServiceAccount tokens: %w", err)
	}
	return metadata.Issuer, keySet, nil
}

// Review returns the user name that a token for an audience has, empty if the API server does not take it. It may still take a token for
// ten seconds after what it is bound to has gone: it remembers its answers that long.
func (c *Cluster) Review(ctx context.Context, token, audience string) (username string, err error) {
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{audience}}}
	err = c.client.Post().Resource("tokenreviews").VersionedParams(&metav1.CreateOptions{}, metav1.ParameterCodec).Body(review).Do(ctx).Into(review)
	if err != nil {
		return "", fmt.Errorf("review token: %w", err)
	}
	if !review.Status.Authenticated {
		return "", nil
	}
	return review.Status.User.Username, nil
}
