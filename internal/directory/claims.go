package directory

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/internal/identity"
)

// aged is a record that remembers when its object was made.
type aged interface {
	comparable
	age() *metav1.ObjectMeta
}

// claims is an index of names that must be unique and may not be: the oldest claimant holds the name, and the next one gets it
// when that one goes.
type claims[R aged] struct {
	holders map[string]R
	// others holds the younger claimants. It is nearly always empty.
	others map[string][]R
}

func newClaims[R aged](size int) claims[R] {
	return claims[R]{holders: make(map[string]R, size), others: map[string][]R{}}
}

func (c claims[R]) oldest(name string) (R, bool) {
	r, ok := c.holders[name]
	return r, ok
}

func (c claims[R]) add(name string, r R) {
	holder, taken := c.holders[name]
	if taken && holder != r {
		if !identity.Older(r.age(), holder.age()) {
			c.others[name] = append(c.others[name], r)
			return
		}
		c.others[name] = append(c.others[name], holder)
	}
	c.holders[name] = r
}

func (c claims[R]) drop(name string, r R) {
	others := slices.DeleteFunc(c.others[name], func(o R) bool { return o == r })
	if holder, ok := c.holders[name]; ok && holder == r {
		delete(c.holders, name)
		if len(others) > 0 {
			heir := slices.MinFunc(others, func(a, b R) int {
				if identity.Older(a.age(), b.age()) {
					return -1
				}
				return 1
			})
			c.holders[name] = heir
			others = slices.DeleteFunc(others, func(o R) bool { return o == heir })
		}
	}
	if len(others) == 0 {
		delete(c.others, name)
		return
	}
	c.others[name] = others
}
