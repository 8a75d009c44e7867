package kube

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// statusClient records status patches.
type statusClient struct {
	client.Client
	writer *statusWriter
}

func (c statusClient) Status() client.SubResourceWriter { return c.writer }

type statusWriter struct {
	client.SubResourceWriter
	patches []string
	err     error
}

func (c *statusWriter) Patch(_ context.Context, obj client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	data, err := patch.Data(obj)
	if err != nil {
		return err
	}
	c.patches = append(c.patches, string(data))
	return c.err
}

func TestFinish(t *testing.T) {
	ready := Verdict{OK: true, Reason: v1alpha1.ReasonReady, Message: "fine"}
	bad := Verdict{Reason: "Broken", Message: strings.Repeat("long ", 300)}
	work := errors.New("connection refused")
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "roles"}, "reader", errors.New("changed"))
	tests := map[string]struct {
		before, after *Verdict
		workErr       error
		patchErr      error
		patches       int
		events        []string // how they begin
		wantErr       error
	}{
		"no change":               {before: &ready, after: &ready},
		"first time ready":        {after: &ready, patches: 1},
		"first time broken":       {after: &bad, patches: 1, events: []string{"Warning Broken long"}},
		"breaks":                  {before: &ready, after: &bad, patches: 1, events: []string{"Warning Broken long"}},
		"heals":                   {before: &bad, after: &ready, patches: 1, events: []string{"Normal Ready fine"}},
		"work failed, no change":  {before: &ready, after: &ready, workErr: work, wantErr: work},
		"cache was stale":         {before: &ready, after: &bad, patchErr: conflict, patches: 1},
		"work and patch failed":   {before: &ready, after: &bad, workErr: work, patchErr: errors.New("other"), patches: 1, wantErr: work},
		"object gone before that": {before: &ready, after: &bad, patchErr: apierrors.NewNotFound(schema.GroupResource{}, "reader"), patches: 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := &v1alpha1.Role{ObjectMeta: metav1.ObjectMeta{Name: "reader", ResourceVersion: "7"}}
			if tc.before != nil {
				SetCondition(before, v1alpha1.ReadyCondition, *tc.before, start)
			}
			after := before.DeepCopy()
			SetCondition(after, v1alpha1.ReadyCondition, *tc.after, start)
			c := &statusWriter{err: tc.patchErr}
			recorder := events.NewFakeRecorder(10)
			_, err := Reporter{Client: statusClient{writer: c}, Recorder: recorder}.Finish(t.Context(), before, after, ctrl.Result{}, tc.workErr)
			if !errors.Is(err, tc.wantErr) {
				t.Errorf("error %v, want %v", err, tc.wantErr)
			}
			if len(c.patches) != tc.patches {
				t.Errorf("patches %q, want %d", c.patches, tc.patches)
			}
			for _, patch := range c.patches {
				if !strings.Contains(patch, `"resourceVersion":"7"`) {
					t.Errorf("patch %s does not say which state it was computed from", patch)
				}
			}
			close(recorder.Events)
			var got []string
			for event := range recorder.Events {
				if len(event) > 1024 {
					t.Errorf("an event has %d bytes", len(event))
				}
				for _, want := range tc.events {
					if strings.HasPrefix(event, want) {
						event = want
					}
				}
				got = append(got, event)
			}
			if tc.patchErr == nil && cmp.Diff(tc.events, got) != "" {
				t.Errorf("events (-want +got):\n%s", cmp.Diff(tc.events, got))
			}
		})
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]int32{-1: 0, 0: 0, 7: 7, 1 << 40: 1<<31 - 1} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %d, want %d", n, got, want)
		}
	}
}
