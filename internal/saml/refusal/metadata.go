package refusal

// Reasons of metadata.
const (
	MetadataUnexpected   Reason = "metadata_not_an_entity"
	MetadataAggregate    Reason = "metadata_of_several_entities"
	EntityIDMissing      Reason = "entity_id_missing"
	EntityIDMismatch     Reason = "entity_id_mismatch"
	NotIdentityProvider  Reason = "not_an_identity_provider"
	SeveralRoles         Reason = "several_identity_providers"
	MetadataExpired      Reason = "metadata_expired"
	ValidityMalformed    Reason = "metadata_validity_malformed"
	CertificateMissing   Reason = "signing_certificate_missing"
	CertificateMalformed Reason = "certificate_malformed"
	CertificateSeveral   Reason = "too_many_certificates"
	CertificateWeak      Reason = "certificate_key_not_allowed"
	EndpointMissing      Reason = "single_sign_on_endpoint_missing"
	EndpointMalformed    Reason = "endpoint_malformed"
	EndpointSeveral      Reason = "too_many_endpoints"
)
