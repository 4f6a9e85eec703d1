use super::*;
use crate::mask::types::*;

const CUSTOM: u32 = 20_001;
const VECTOR: u32 = 20_002;
const TEXT_ARRAY: u32 = 1009;

fn label_of(relation: &str, column: &str, type_oid: u32, samples: &[&str]) -> Option<Label> {
    let facts = ColumnFacts { schema: "public", relation, column, type_oid: Oid(type_oid) };
    discover(&facts, samples).label
}

#[test]
fn columns_that_say_what_they_are_have_their_label_without_a_sample() {
    use Label::*;
    let table = [
        ("customers", "email", TEXT, Email),
        ("customers", "eMailAddress", VARCHAR, Email),
        ("kunden", "e_mail_adresse", TEXT, Email),
        ("clients", "courriel", TEXT, Email),
        ("clientes", "correo_electronico", TEXT, Email),
        ("newsletter", "emails", TEXT_ARRAY, Email),
        ("customers", "phone_number", VARCHAR, Phone),
        ("kunden", "handynummer", TEXT, Phone),
        ("clientes", "telefono", INT8, Phone),
        ("klienci", "numer_telefonu", TEXT, Phone),
        ("customers", "name", TEXT, PersonName),
        ("customers", "firstName", TEXT, PersonName),
        ("kunden", "nachname", TEXT, PersonName),
        ("utilisateurs", "prénom", TEXT, PersonName),
        ("personas", "apellidos", TEXT, PersonName),
        ("clienti", "cognome", TEXT, PersonName),
        ("klanten", "achternaam", TEXT, PersonName),
        ("osoby", "nazwisko", TEXT, PersonName),
        ("users", "username", TEXT, PersonName),
        ("customers", "date_of_birth", DATE, BirthDate),
        ("customers", "birth_year", INT4, BirthDate),
        ("mitarbeiter", "geburtsdatum", DATE, BirthDate),
        ("clients", "date_naissance", DATE, BirthDate),
        ("orders", "shipping_address", TEXT, Address),
        ("kunden", "straße", TEXT, Address),
        ("kunden", "plz", VARCHAR, Address),
        ("clientes", "direccion", TEXT, Address),
        ("customers", "address_line_2", TEXT, Address),
        ("employees", "ssn", TEXT, NationalId),
        ("employees", "tax_id", TEXT, NationalId),
        ("dipendenti", "codice_fiscale", BPCHAR, NationalId),
        ("osoby", "pesel", INT8, NationalId),
        ("personas", "nif", TEXT, NationalId),
        ("sessions", "ip_address", INET, NetworkAddress),
        ("logins", "last_login_ip", TEXT, NetworkAddress),
        ("events", "peer", INET, NetworkAddress),
        ("devices", "mac_address", MACADDR, NetworkAddress),
        ("visits", "latitude", FLOAT8, Location),
        ("visits", "lng", NUMERIC, Location),
        ("patients", "diagnosis", TEXT, Health),
        ("patients", "blood_type", TEXT, Health),
        ("patients", "hiv", BOOL, Health),
        ("payments", "card_number", TEXT, Card),
        ("zahlungen", "kreditkartennummer", TEXT, Card),
        ("payments", "iban", TEXT, Iban),
        ("employees", "salary", NUMERIC, Salary),
        ("mitarbeiter", "gehalt", INT4, Salary),
        ("users", "password_hash", TEXT, Secret),
        ("integrations", "api_key", TEXT, Secret),
        ("integrations", "apiKey", TEXT, Secret),
        ("accounts", "totp_secret", BYTEA, Secret),
        ("utilisateurs", "mot_de_passe", TEXT, Secret),
        ("payments", "cvv", INT2, Secret),
        ("articles", "search", TSVECTOR, FreeText),
    ];
    for (relation, column, type_oid, label) in table {
        assert_eq!(label_of(relation, column, type_oid, &[]), Some(label), "{relation}.{column}");
    }
}

#[test]
fn columns_that_are_harmless_by_name_and_type_are_clear_without_a_sample() {
    let table = [
        ("customers", "id", INT8),
        ("customers", "external_id", UUID),
        ("customers", "created_at", TIMESTAMPTZ),
        ("customers", "email_verified_at", TIMESTAMPTZ),
        ("customers", "email_verified", BOOL),
        ("customers", "has_phone", BOOL),
        ("customers", "phone_count", INT4),
        ("customers", "address_id", INT8),
        ("orders", "total", NUMERIC),
        ("orders", "quantity", INT4),
        ("tokens", "token_count", INT4),
        ("products", "price", MONEY),
        ("products", "validity", 3912),
        ("networks", "block", CIDR),
    ];
    for (relation, column, type_oid) in table {
        assert_eq!(label_of(relation, column, type_oid, &[]), None, "{relation}.{column}");
    }
}

#[test]
fn a_column_that_needs_content_is_unscanned_until_there_is_some() {
    for type_oid in [TEXT, VARCHAR, JSONB, BYTEA, TEXT_ARRAY, CUSTOM] {
        assert_eq!(label_of("orders", "status", type_oid, &[]), Some(Label::Unscanned));
        assert_eq!(label_of("orders", "status", type_oid, &["", " "]), Some(Label::Unscanned));
        assert!(needs_samples(Oid(type_oid)));
    }
    assert!(!needs_samples(Oid(INT4)));
}

#[test]
fn content_decides_where_the_name_does_not() {
    use Label::*;
    let table: [(&str, &[&str], Label); 18] = [
        ("contact", &["anna@web.de", "b.schulz@gmx.net", "n/a"], Email),
        ("value", &["+49 170 1234567", "+33 6 12 34 56 78", "+1 415 555 0132"], Phone),
        ("value", &["(415) 555-0132", "(212) 555-0199", "415-555-0101"], Phone),
        ("reference", &["DE89 3704 0044 0532 0130 00", "FR14 2004 1010 0505 0001 3M02 606"], Iban),
        ("reference", &["4111 1111 1111 1111", "5555555555554444", "378282246310005"], Card),
        ("code", &["078-05-1120", "219-09-9999"], NationalId),
        ("code", &["12345678Z", "X1234567L"], NationalId),
        ("code", &["RSSMRA85T10A562S", "unknown", "unknown", "unknown"], NationalId),
        ("origin", &["84.112.7.201", "91.5.14.2", "2a02:8108:96bf:e2ac::1"], NetworkAddress),
        ("spot", &["48.13743, 11.57549", "52.52000,13.40495"], Location),
        ("who", &["Anna Schmidt", "Hans Müller", "Maria García", "nobody"], PersonName),
        ("where", &["12 Main Street", "Hauptstraße 5", "8 rue de Rivoli"], Address),
        ("config", &["x", "y", "postgres://app:hunter2@db:5432/shop"], Secret),
        ("value", &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"], Secret),
        ("description", &["please call me", "my mail is anna@web.de, thanks"], FreeText),
        ("description", &["my card 4111 1111 1111 1111 does not work", "ok"], FreeText),
        ("description", &["ssn is 078-05-1120", "ok"], FreeText),
        (
            "notes",
            &["the parcel has not come and nobody answers", "he was quite angry about the delay"],
            FreeText,
        ),
    ];
    for (column, samples, label) in table {
        assert_eq!(label_of("things", column, TEXT, samples), Some(label), "{column} {samples:?}");
    }
}

#[test]
fn identifiers_versions_and_product_texts_are_clear() {
    let table: [(&str, &str, &[&str]); 22] = [
        ("releases", "version", &["1.2.3.4", "10.0.19.1", "2.14.0"]),
        (
            "orders",
            "order_number",
            &["4000123456789010", "4000123456789028", "4000123456789036", "4000123456789041"],
        ),
        ("orders", "number", &["2024-000123", "2024-000124"]),
        ("orders", "key", &["550e8400-e29b-41d4-a716-446655440000"]),
        ("orders", "status", &["paid", "shipped", "pending"]),
        ("orders", "placed", &["2024-03-15T12:34:56Z", "2024-03-15 12:34:56+00"]),
        ("products", "name", &["Blue Running Shoes", "Espresso Machine 2000", "Oak Table"]),
        ("products", "sku", &["AB-1234-XL", "ZX-0001-S"]),
        ("products", "description", &["A fine table of oak", "Runs 30 days on one charge"]),
        ("countries", "code", &["DE", "FR", "US"]),
        ("countries", "name", &["Germany", "France", "Austria"]),
        ("cities", "name", &["Paris", "Berlin", "Austin", "Madrid"]),
        ("docs", "sample_contact", &["a@example.com", "b@example.org"]),
        ("docs", "sample_host", &["192.0.2.1", "198.51.100.7"]),
        ("files", "sha256", &["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]),
        ("files", "path", &["/var/lib/data/1.bin", "C:\\temp\\x"]),
        ("links", "url", &["https://www.rust-lang.org/learn?x=1"]),
        ("events", "payload", &["12345678901", "98765432109", "11111111111"]),
        ("mails", "email_template", &["welcome", "reset"]),
        ("phones", "phone_type", &["home", "work"]),
        ("payments", "currency", &["EUR", "USD"]),
        ("jobs", "position", &["Engineer", "Designer"]),
    ];
    for (relation, column, samples) in table {
        assert_eq!(label_of(relation, column, TEXT, samples), None, "{relation}.{column} {samples:?}");
    }
}

#[test]
fn documents_are_read_by_their_values_and_by_their_keys() {
    assert_eq!(label_of("events", "data", JSONB, &[r#"{"a": 1, "state": "done"}"#]), None);
    assert_eq!(label_of("events", "data", JSONB, &[r#"{"to": "anna@web.de"}"#]), Some(Label::FreeText));
    assert_eq!(label_of("events", "data", JSONB, &[r#"{"a": 1, "lastName": "X"}"#]), Some(Label::FreeText));
    assert_eq!(label_of("events", "tags", TEXT_ARRAY, &["{new,sale}"]), None);
}

#[test]
fn embeddings_and_enumerations_are_clear() {
    let vector = "[0.4111111111111111,-0.0123456789012345,5.1e-05]";
    assert_eq!(label_of("documents", "embedding", VECTOR, &[vector, vector]), None);
    assert_eq!(label_of("orders", "state", CUSTOM, &["open", "closed"]), None);
}

#[test]
fn bytes_are_read_where_they_are_text() {
    // "mail anna@web.de now"
    let hex = "\\x6d61696c20616e6e61407765622e6465206e6f77";
    assert_eq!(label_of("blobs", "data", BYTEA, &[hex]), Some(Label::FreeText));
    assert_eq!(label_of("blobs", "data", BYTEA, &["\\x89504e470d0a1a0a"]), None);
}

#[test]
fn overwhelming_content_corrects_a_name_but_never_that_of_a_secret() {
    let mails = ["anna@web.de", "b@gmx.net", "c@posteo.de"];
    assert_eq!(label_of("customers", "address", TEXT, &mails), Some(Label::Email));
    assert_eq!(label_of("customers", "password", TEXT, &mails), Some(Label::Secret));
    assert_eq!(label_of("customers", "email", TEXT, &["a@example.com"]), Some(Label::Email));
}

#[test]
fn a_confidential_schema_is_confidential_in_every_column() {
    let facts = ColumnFacts { schema: "confidential", relation: "plans", column: "id", type_oid: Oid(INT8) };
    let discovery = discover(&facts, &[]);
    assert_eq!(discovery.label, Some(Label::Confidential));
    assert_eq!(discovery.evidence, Evidence::Schema);
}

proptest::proptest! {
    #[test]
    fn discovery_never_panics(column: String, relation: String, type_oid in 0_u32..5_000, sample: String) {
        let _ = label_of(&relation, &column, type_oid, &[&sample, "\\xzz", "\\x0"]);
    }
}
