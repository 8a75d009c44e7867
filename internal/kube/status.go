package kube

import (
	"context"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	corev1 "k8s.io/api/core/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// maxNote is how much of a condition's message an event repeats; the API refuses notes of more than 1,024 bytes.
const maxNote = 1000

// Verdict is the state of one condition.
type Verdict struct {
	OK      bool
	Reason  string
	Message string
}

// SetCondition sets one condition with the object's generation. The transition time moves only when the status does.
func SetCondition(obj v1alpha1.ConditionedObject, kind string, v Verdict, now time.Time) {
	status := metav1.ConditionFalse
	if v.OK {
		status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(obj.GetConditions(), metav1.Condition{
		Type: kind, Status: status, Reason: v.Reason, Message: v.Message,
		ObservedGeneration: obj.GetGeneration(), LastTransitionTime: metav1.NewTime(now),
	})
}

// Object is a kind of this project that carries conditions.
type Object interface {
	client.Object
	v1alpha1.ConditionedObject
}

// Reporter ends every reconcile: it writes the status if that differs, and an event if the reason of Ready changed.
type Reporter struct {
	Client   client.Client
	Recorder events.EventRecorder
}

// Finish reports after, whose status was computed from before, and passes result and err on. An error of the status write is returned
// only if there was none: the work that failed matters more.
func (r Reporter) Finish(ctx context.Context, before, after Object, result ctrl.Result, err error) (ctrl.Result, error) {
	changed, patchErr := r.patchStatus(ctx, before, after)
	if patchErr != nil && client.IgnoreNotFound(patchErr) != nil {
		if err == nil || result.RequeueAfter > 0 {
			return Quiet(ctrl.Result{}, patchErr)
		}
		return Quiet(result, err)
	}
	if changed {
		r.announce(before, after)
	}
	return Quiet(result, err)
}

// patchStatus writes the difference of two states of one object to its status. The patch fails with a conflict if the object has
// changed since before was read: a process that was paused must not report what it saw long ago.
func (r Reporter) patchStatus(ctx context.Context, before, after Object) (bool, error) {
	data, err := client.MergeFrom(before).Data(after)
	if err != nil || string(data) == "{}" {
		return false, err
	}
	target := after.DeepCopyObject().(client.Object)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, target, patch, FieldOwner); err != nil {
		return false, err
	}
	return true, nil
}

// announce writes an event when Ready has a new reason. An object that is ready the first time it is looked at needs none.
func (r Reporter) announce(before, after Object) {
	was := meta.FindStatusCondition(*before.GetConditions(), v1alpha1.ReadyCondition)
	is := meta.FindStatusCondition(*after.GetConditions(), v1alpha1.ReadyCondition)
	if is == nil || was != nil && was.Reason == is.Reason || was == nil && is.Status == metav1.ConditionTrue {
		return
	}
	severity := corev1.EventTypeWarning
	if is.Status == metav1.ConditionTrue {
		severity = corev1.EventTypeNormal
	}
	note := is.Message
	if len(note) > maxNote {
		note = note[:maxNote] + "..."
	}
	r.Recorder.Eventf(after, nil, severity, is.Reason, "Reconcile", "%s", note)
}

// Count makes a number fit for a status field.
func Count(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }
