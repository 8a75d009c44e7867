package refusal

// Reasons of trees, signatures and encryption.
const (
	DuplicateID   Reason = "duplicate_id"
	TimeMalformed Reason = "time_malformed"

	SignatureMissing          Reason = "signature_missing"
	SignatureMalformed        Reason = "signature_malformed"
	SignatureMisplaced        Reason = "signature_misplaced"
	SignatureReference        Reason = "signature_reference"
	SignatureAlgorithm        Reason = "signature_algorithm_not_allowed"
	DigestAlgorithm           Reason = "digest_algorithm_not_allowed"
	Canonicalization          Reason = "canonicalization_not_allowed"
	SignatureTransform        Reason = "signature_transform_not_allowed"
	SignatureInvalid          Reason = "signature_invalid"
	SigningCertificateUnknown Reason = "signing_certificate_unknown"
	// NoSigningCertificate means that none of the provider's certificates is valid now and strong enough.
	NoSigningCertificate Reason = "no_valid_signing_certificate"

	EncryptionMalformed Reason = "encryption_malformed"
	EncryptionAlgorithm Reason = "encryption_algorithm_not_allowed"
	KeyTransport        Reason = "key_transport_not_allowed"
	DecryptionFailed    Reason = "decryption_failed"
	EncryptionMissing   Reason = "encryption_missing"
)
