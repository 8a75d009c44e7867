package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// cloner fills the API server with people that the operator has finished with: hash, status and all. The operator makes one, and what
// the API server stored for her is written to etcd again and again under other names: a hundred thousand password hashes and as many
// status updates would take an hour and say nothing about memory. Names and UIDs have one length, so that the bytes can be copied.
type cloner struct {
	etcd      *clientv3.Client
	templates []template
	made      int
}

// template is one stored object of the original person.
type template struct {
	key, value []byte
	uids       [][]byte // that every copy needs its own of; the first is shared by all templates: it is the person's
}

func cloneName(serial int) string { return fmt.Sprintf("u%07d", serial) }

// newCloner lets the operator finish the original and reads what was stored. Whoever calls it must call close.
func newCloner(ctx context.Context, s *stage) (*cloner, error) {
	original := person(cloneName(0))
	if err := s.env.Client.Create(ctx, original); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, err
	}
	o, err := s.start(nil)
	if err != nil {
		return nil, err
	}
	defer o.Stop() //nolint:errcheck // what it says at its end changes no figure
	err = s.await(ctx, "the person to be copied", func(context.Context) error { return s.login(original.Spec.Username).Once() })
	if err != nil {
		return nil, err
	}
	var credential corev1.Secret
	if err := s.env.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: original.Name + "-credential"}, &credential); err != nil {
		return nil, err
	}
	if err := s.env.Client.Get(ctx, client.ObjectKeyFromObject(original), original); err != nil {
		return nil, err
	}
	socket := "unix://" + filepath.Join(s.env.ControlPlane.Dir(), "etcd.sock")
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{socket}, Context: ctx})
	if err != nil {
		return nil, err
	}
	c := &cloner{etcd: etcd}
	user := []byte(original.UID)
	for _, t := range []template{
		{key: []byte("/registry/secrets/" + namespace + "/" + credential.Name), uids: [][]byte{user, []byte(credential.UID)}},
		{key: []byte("/registry/" + v1alpha1.GroupName + "/users/" + namespace + "/" + original.Name), uids: [][]byte{user}},
	} {
		stored, err := etcd.Get(ctx, string(t.key))
		if err != nil {
			return nil, err
		}
		if len(stored.Kvs) != 1 || !bytes.Contains(stored.Kvs[0].Value, user) {
			return nil, fmt.Errorf("etcd does not hold %s as expected", t.key)
		}
		t.value = stored.Kvs[0].Value
		c.templates = append(c.templates, t)
	}
	return c, nil
}

// fill makes copies until there are n, and waits until the API server serves them.
func (c *cloner) fill(ctx context.Context, s *stage, n int) error {
	for c.made < n {
		var batch []clientv3.Op
		for len(batch)+len(c.templates) <= 128 && c.made < n { // etcd's bound on one transaction
			c.made++
			batch = append(batch, c.copy(c.made)...)
		}
		if _, err := c.etcd.Txn(ctx).Then(batch...).Commit(); err != nil {
			return err
		}
	}
	return s.await(ctx, "the API server to serve the people", func(ctx context.Context) error {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("UserList"))
		if err := s.env.Client.List(ctx, list, client.InNamespace(namespace), client.Limit(1)); err != nil {
			return err
		}
		if list.RemainingItemCount == nil || int(*list.RemainingItemCount) < n {
			return fmt.Errorf("it does not serve %d yet", n)
		}
		return s.env.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: cloneName(n)}, &v1alpha1.User{})
	})
}

func (c *cloner) copy(serial int) (ops []clientv3.Op) {
	name, person := []byte(cloneName(serial)), newUID()
	for _, t := range c.templates {
		value := t.value
		for i, uid := range t.uids {
			replacement := person
			if i > 0 {
				replacement = newUID()
			}
			value = bytes.ReplaceAll(value, uid, replacement)
		}
		original := []byte(cloneName(0))
		value = bytes.ReplaceAll(value, original, name)
		ops = append(ops, clientv3.OpPut(string(bytes.ReplaceAll(t.key, original, name)), string(value)))
	}
	return ops
}

func newUID() []byte {
	var random [16]byte
	_, _ = rand.Read(random[:])
	text := hex.EncodeToString(random[:])
	return fmt.Appendf(nil, "%s-%s-4%s-a%s-%s", text[:8], text[8:12], text[13:16], text[17:20], text[20:])
}

func (c *cloner) close() error { return c.etcd.Close() }
