package refusal

// Internal is the reason of an error that is no refusal: a fault of ours.
const Internal Reason = "internal_error"

// Reasons of the guard, before any XML library reads a byte.
const (
	XMLEmpty             Reason = "xml_empty"
	XMLTooLarge          Reason = "xml_too_large"
	XMLTooDeep           Reason = "xml_too_deep"
	XMLTooManyElements   Reason = "xml_too_many_elements"
	XMLTooManyAttributes Reason = "xml_too_many_attributes"
	XMLTooManyNamespaces Reason = "xml_too_many_namespaces"
	XMLAttributeTooLarge Reason = "xml_attribute_too_large"
	XMLNotUTF8           Reason = "xml_not_utf8"
	XMLByteOrderMark     Reason = "xml_byte_order_mark"
	XMLCharacter         Reason = "xml_character"
	XMLDoctype           Reason = "xml_doctype"
	XMLInstruction       Reason = "xml_processing_instruction"
	XMLEntity            Reason = "xml_entity"
	XMLComment           Reason = "xml_comment"
	XMLCDATA             Reason = "xml_cdata"
	XMLOutsideRoot       Reason = "xml_outside_root"
	XMLDuplicate         Reason = "xml_duplicate_attribute"
	XMLName              Reason = "xml_name"
	XMLPrefix            Reason = "xml_undeclared_prefix"
	XMLMalformed         Reason = "xml_malformed"
)
