package refusal

// Reasons of attributes. Those of e-mail address and user name refuse the sign-in; the others leave something out.
const (
	EmailMissing     Reason = "email_missing"
	EmailSeveral     Reason = "several_emails"
	EmailMalformed   Reason = "email_malformed"
	EmailDomain      Reason = "email_domain_not_allowed"
	UsernameSeveral  Reason = "several_usernames"
	UsernameInvalid  Reason = "username_malformed"
	AttributeTwice   Reason = "attribute_ambiguous"
	NameInvalid      Reason = "name_malformed"
	GroupsMissing    Reason = "groups_missing"
	GroupsElsewhere  Reason = "groups_not_in_assertion"
	GroupEmpty       Reason = "group_empty"
	GroupReserved    Reason = "group_reserved"
	GroupMalformed   Reason = "group_malformed"
	NumberMissing    Reason = "number_missing"
	NumberSeveral    Reason = "several_numbers"
	NumberMalformed  Reason = "number_malformed"
	NumberOutOfRange Reason = "number_out_of_range"
	NumbersTooMany   Reason = "too_many_supplementary_groups"
)
