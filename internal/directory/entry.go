package directory

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	corev1 "k8s.io/api/core/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// entry carries a record through client-go in place of the object it was made from: a reflector holds a whole list in memory
// before it hands it over, and full objects would need hundreds of megabytes there.
type entry struct {
	meta   metav1.ObjectMeta // name, namespace and resourceVersion only: what a reflector asks for
	record any               // nil: nothing is kept of the object
	// refused: the object breaks a rule and is not served.
	refused bool
}

// judged is a record that is kept although its object is not served.
type judged interface{ isRefused() bool }

// GetObjectMeta implements metav1.ObjectMetaAccessor.
func (e *entry) GetObjectMeta() metav1.Object { return &e.meta }

// GetObjectKind implements runtime.Object.
func (e *entry) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements runtime.Object. Records are immutable and shared.
func (e *entry) DeepCopyObject() runtime.Object { c := *e; return &c }

// entryList is a list of entries for client-go's pager.
type entryList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []runtime.Object
}

// DeepCopyObject implements runtime.Object.
func (l *entryList) DeepCopyObject() runtime.Object { c := *l; return &c }

// kind is one resource that the directory follows.
type kind struct {
	resource string
	core     bool   // in the core group, not in Watchword's
	selector string // label selector
	accepts  func(Object) bool
	convert  func(Object) any
}

// entry makes the record of an object.
func (k *kind) entry(object Object) *entry {
	e := &entry{
		meta: metav1.ObjectMeta{
			Name: object.GetName(), Namespace: object.GetNamespace(), ResourceVersion: object.GetResourceVersion(),
		},
		record: k.convert(object),
	}
	e.refused = e.record == nil
	if j, ok := e.record.(judged); ok {
		e.refused = j.isRefused()
	}
	return e
}

// kindOf fills in the type assertions of a kind. convert returns nil for an object that is not to be served.
func kindOf[T Object, R any](resource string, convert func(T) *R) *kind {
	return &kind{
		resource: resource,
		accepts:  func(o Object) bool { _, ok := o.(T); return ok },
		convert: func(o Object) any {
			typed, ok := o.(T)
			if !ok {
				return nil
			}
			if record := convert(typed); record != nil {
				return record
			}
			return nil
		},
	}
}

// secretSelector keeps password hashes and temporary passwords out of memory: they are read when they are needed.
const secretSelector = v1alpha1.ComponentLabel + " in (" + v1alpha1.ComponentSigningKey + "," + v1alpha1.ComponentSealingKey + "," +
	v1alpha1.ComponentServingCertificate + "," + v1alpha1.ComponentClientSecret + ")"

func secretKind() *kind {
	k := kindOf[*corev1.Secret]("secrets", convertSecret)
	k.core, k.selector = true, secretSelector
	return k
}
