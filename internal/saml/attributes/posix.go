package attributes

import (
	"slices"
	"strconv"

	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// Bounds of the User kind: below are the system's accounts, above are the values that mean nobody and no change.
const (
	minNumber        = 1000
	maxNumber        = 4294967293
	maxSupplementary = 64
)

// posix reads the account's numbers. One that is wrong or half there is no account: files made under a wrong number belong to somebody
// else. A wrong supplementary group is only left out, since that gives less.
func (r *reading) posix() *POSIX {
	_, hasUID := r.find(r.names.UID)
	_, hasGID := r.find(r.names.GID)
	if !hasUID && !hasGID {
		return nil
	}
	uid, uidOK := r.one(r.names.UID)
	gid, gidOK := r.one(r.names.GID)
	if !uidOK || !gidOK {
		return nil
	}
	account := &POSIX{UID: uid, GID: gid}
	values, _ := r.find(r.names.SupplementaryGroups)
	for _, value := range values {
		number, ok := r.number(r.names.SupplementaryGroups, value)
		if !ok || slices.Contains(account.SupplementaryGroups, number) {
			continue
		}
		if len(account.SupplementaryGroups) == maxSupplementary {
			r.problem(refusal.NumbersTooMany, r.names.SupplementaryGroups, "only the first %d supplementary groups are kept", maxSupplementary)
			break
		}
		account.SupplementaryGroups = append(account.SupplementaryGroups, number)
	}
	return account
}

// one reads an attribute that has exactly one number.
func (r *reading) one(attribute string) (int64, bool) {
	values, _ := r.find(attribute)
	switch len(values) {
	case 0:
		r.problem(refusal.NumberMissing, attribute, "the assertion has no %s, so the person gets no account numbers; uid and gid go together", attribute)
		return 0, false
	case 1:
		return r.number(attribute, values[0])
	}
	r.problem(refusal.NumberSeveral, attribute, "%s has %d values, so the person gets no account numbers", attribute, len(values))
	return 0, false
}

// number reads digits and nothing else: a sign, a leading zero (octal, to some readers) or another base is not what the directory meant.
func (r *reading) number(attribute, value string) (int64, bool) {
	number, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil || strconv.FormatInt(number, 10) != value:
		r.problem(refusal.NumberMalformed, attribute, "%s %q is left out: expected decimal digits without leading zeros", attribute, value)
		return 0, false
	case number < minNumber || number > maxNumber:
		r.problem(refusal.NumberOutOfRange, attribute, "%s %d is left out: expected %d to %d", attribute, number, minNumber, maxNumber)
		return 0, false
	}
	return number, true
}
