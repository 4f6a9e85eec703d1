//! The table of names, in English, German, French, Spanish, Italian, Portuguese, Dutch and Polish.
//!
//! A phrase fits a run of words of a name, written together or apart: `first name` is in `firstName`,
//! `first_name_2` and `firstname`. Of several phrases the strongest, then the longest wins; see
//! [`super::phrases`].

use connect_shared::label::Label;

use super::{
    kinds::Kind,
    tokens::tokens,
    words::{PEOPLE, is_listed},
};

/// How much a phrase says alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// It decides.
    Alone,
    /// It decides in a relation about people; elsewhere content must agree.
    AboutPeople,
    /// Content must agree.
    WithContent,
}

/// One line of the table.
pub(super) struct Rule {
    pub(super) label: Label,
    pub(super) strength: Strength,
    pub(super) kinds: &'static [Kind],
    /// Separated by commas.
    pub(super) phrases: &'static str,
}

const WRITTEN: &[Kind] = &[Kind::Text, Kind::Document, Kind::Custom];
const NUMBERED: &[Kind] = &[Kind::Text, Kind::Document, Kind::Custom, Kind::Number];
const DATED: &[Kind] = &[Kind::Text, Kind::Custom, Kind::Temporal, Kind::Number];
const AMOUNTS: &[Kind] = &[Kind::Number, Kind::Text, Kind::Custom];
const BYTES: &[Kind] = &[Kind::Text, Kind::Document, Kind::Custom, Kind::Bytes];
const PLACES: &[Kind] = &[Kind::Number, Kind::Text, Kind::Document, Kind::Geometry, Kind::Custom];
const POINTS: &[Kind] = &[Kind::Number, Kind::Geometry, Kind::Custom];
const ADDRESSES: &[Kind] = &[Kind::Text, Kind::Document, Kind::Custom, Kind::Network];
const ANY: &[Kind] =
    &[Kind::Text, Kind::Document, Kind::Custom, Kind::Number, Kind::Temporal, Kind::Boolean, Kind::Bytes];

macro_rules! rule {
    ($label:ident, $strength:ident, $kinds:ident, $phrases:literal) => {
        Rule { label: Label::$label, strength: Strength::$strength, kinds: $kinds, phrases: $phrases }
    };
}

pub(super) static RULES: &[Rule] = &[
    rule!(
        Email,
        Alone,
        WRITTEN,
        "email, e mail, email address, mail address, mailadresse, e mail adresse, courriel, adresse mail, \
         adresse email, correo electronico, direccion email, indirizzo email, posta elettronica, endereco email, \
         adres email, e mailadres"
    ),
    rule!(
        Phone,
        Alone,
        NUMBERED,
        "phone, telephone, phone number, cell phone, cellphone, mobile phone, mobile number, fax, fax number, \
         msisdn, whatsapp, telefon, telefonnummer, handynummer, mobilnummer, rufnummer, telefono, movil, celular, \
         cellulare, telefoon, telefoonnummer, mobiel nummer, telefone, telemovel, telefon komorkowy, \
         numer telefonu, numero telephone, numero de telephone, numero telefono, tel"
    ),
    rule!(Phone, WithContent, NUMBERED, "mobile, cell, handy, mobil, portable, komorka, contact"),
    rule!(Phone, AboutPeople, NUMBERED, "mobile, cell, mobil, movil, celular"),
    rule!(
        PersonName,
        Alone,
        WRITTEN,
        "first name, last name, full name, given name, family name, middle name, maiden name, surname, forename, \
         birth name, fname, lname, vorname, nachname, familienname, geburtsname, prenom, nom de famille, \
         nom complet, nom naissance, apellido, apellidos, primer apellido, segundo apellido, nombre completo, \
         cognome, nome completo, sobrenome, apelido, voornaam, achternaam, tussenvoegsel, volledige naam, imie, \
         nazwisko, card holder, card holder name, account holder, holder name, customer name, client name, \
         patient name, employee name, contact name, contact person, recipient name, beneficiary name, user name, \
         owner name, emergency contact, next of kin, mothers maiden name, kontoinhaber, karteninhaber, \
         ansprechpartner, kundenname, benutzername, nom utilisateur, nombre usuario, nombre cliente, \
         nome utente, nome cliente, titulaire, intestatario, rekeninghouder, klantnaam, gebruikersnaam, \
         nazwa uzytkownika, screen name"
    ),
    rule!(
        PersonName,
        AboutPeople,
        WRITTEN,
        "name, nom, nombre, nome, naam, nazwa, login, nickname, nick, alias, initials, legal name, display name, \
         titular, usuario, utilisateur, author, manager, assignee, contact"
    ),
    rule!(
        BirthDate,
        Alone,
        DATED,
        "birth date, date of birth, dob, birthday, birth year, year of birth, born, born on, geburtsdatum, \
         geburtstag, geburtsjahr, geboren am, date naissance, date de naissance, annee naissance, \
         fecha nacimiento, fecha de nacimiento, data nascita, data di nascita, data nascimento, \
         data de nascimento, geboortedatum, data urodzenia"
    ),
    rule!(
        Address,
        Alone,
        WRITTEN,
        "address, street, street address, street name, address line, postal address, billing address, \
         shipping address, home address, delivery address, house number, zip, zip code, postal code, post code, \
         strasse, strassenname, hausnummer, anschrift, adresse, lieferadresse, rechnungsadresse, plz, \
         postleitzahl, rue, code postal, adresse postale, calle, direccion, domicilio, codigo postal, indirizzo, \
         codice postale, endereco, morada, cep, straat, straatnaam, adres, huisnummer, ulica, kod pocztowy, \
         adres zamieszkania"
    ),
    rule!(Address, AboutPeople, NUMBERED, "zip, postal code, post code, plz, cap, via, rua, residence"),
    rule!(
        NationalId,
        Alone,
        NUMBERED,
        "ssn, social security, social security number, social insurance number, national id, national identifier, \
         national insurance number, nino, tax id, tax number, taxpayer id, tax identification number, passport, \
         passport number, passport no, driver license, drivers license, driving licence, driver licence number, \
         identity card, id card number, identity number, personal id, nhs number, medicare number, \
         health insurance number, personalausweis, ausweisnummer, reisepass, steuer id, steueridentifikationsnummer, \
         steuernummer, sozialversicherungsnummer, sv nummer, krankenversichertennummer, numero secu, \
         numero securite sociale, securite sociale, carte identite, numero passeport, dni, curp, cedula, \
         numero pasaporte, pasaporte, seguridad social, codice fiscale, carta identita, passaporto, cpf, \
         passaporte, cartao cidadao, bsn, burgerservicenummer, paspoortnummer, rijbewijs, pesel, dowod osobisty, \
         numer paszportu, aadhaar, aadhar, personnummer, henkilotunnus"
    ),
    rule!(
        NationalId,
        AboutPeople,
        NUMBERED,
        "nir, insee, nie, nif, rfc, rut, cuit, niss, tin, itin, nip, nhs"
    ),
    rule!(
        NetworkAddress,
        Alone,
        ADDRESSES,
        "ip, ip address, ip addr, client ip, remote ip, source ip, user ip, remote addr, remote address, \
         x forwarded for, mac address, mac addr, adresse ip, ip adresse, direccion ip, indirizzo ip, \
         endereco ip, ip adres, adres ip"
    ),
    rule!(
        Location,
        Alone,
        PLACES,
        "latitude, longitude, lat, lng, lon, lat lng, lat long, geolocation, geo location, geo point, gps, \
         coordinates, coords, breitengrad, laengengrad, langengrad, latitud, longitud, latitudine, longitudine, \
         szerokosc geograficzna, dlugosc geograficzna"
    ),
    rule!(Location, AboutPeople, POINTS, "location, position, geom, geo, point"),
    rule!(
        Health,
        Alone,
        ANY,
        "diagnosis, diagnoses, diagnose, icd, icd code, blood type, blood group, allergy, allergies, medication, \
         prescription, disability, medical condition, health condition, medical history, symptom, symptoms, \
         medical record number, mrn, hiv, pregnant, pregnancy, blutgruppe, krankheit, schwerbehinderung, \
         allergien, diagnostico, maladie, allergie, groupe sanguin, enfermedad, alergias, grupo sanguineo, \
         malattia, gruppo sanguigno, doenca, ziekte, bloedgroep, choroba, grupa krwi, rozpoznanie"
    ),
    rule!(Health, AboutPeople, ANY, "treatment, therapy, condition"),
    // Special categories of personal data (GDPR, article 9) beside health.
    rule!(
        Confidential,
        Alone,
        ANY,
        "religion, ethnicity, ethnic origin, sexual orientation, political opinion, political affiliation, \
         trade union, criminal record, konfession, herkunft ethnisch, orientation sexuelle, orientacion sexual"
    ),
    rule!(
        Card,
        Alone,
        NUMBERED,
        "card number, card no, credit card, credit card number, debit card number, cc number, cc num, ccn, \
         kreditkarte, kreditkartennummer, kartennummer, carte bancaire, numero carte, numero de carte, tarjeta, \
         numero tarjeta, tarjeta credito, carta credito, numero carta, cartao credito, numero cartao, \
         creditcardnummer, kaartnummer, numer karty"
    ),
    rule!(
        Iban,
        Alone,
        WRITTEN,
        "iban, bban, bank account, bank account number, kontonummer, bankverbindung, compte bancaire, rib, \
         cuenta bancaria, numero cuenta, conto corrente, conta bancaria, rekeningnummer, bankrekening, \
         numer konta, rachunek bankowy"
    ),
    rule!(Iban, AboutPeople, WRITTEN, "account number, account no"),
    rule!(
        Salary,
        Alone,
        AMOUNTS,
        "salary, base salary, wage, wages, annual income, monthly income, compensation, gross pay, net pay, \
         gehalt, lohn, bruttogehalt, nettogehalt, jahresgehalt, einkommen, salaire, remuneration, salario, \
         sueldo, stipendio, reddito, ordenado, salaris, inkomen, wynagrodzenie, pensja, dochod, net worth"
    ),
    rule!(Salary, AboutPeople, AMOUNTS, "income, bonus, pay, hourly rate, revenu, revenus, ingresos, loon"),
    rule!(
        Secret,
        Alone,
        BYTES,
        "password, password hash, passwd, pwd, passphrase, secret, client secret, api key, api secret, api token, \
         access key, access token, refresh token, auth token, session token, reset token, id token, bearer, \
         private key, secret key, signing key, encryption key, master key, ssh key, license key, otp, otp secret, \
         totp, totp secret, mfa secret, credentials, credential, connection string, webhook secret, jwt, cookie, \
         session id, session key, session data, recovery code, backup code, security answer, secret answer, salt, \
         passwort, kennwort, passwort hash, geheimnis, mot de passe, mdp, contrasena, clave secreta, clave api, \
         parola d ordine, senha, chave api, wachtwoord, haslo, klucz api, klucz prywatny, token, key hash"
    ),
    rule!(Secret, Alone, NUMBERED, "cvv, cvc, cvv2, security code, card pin, pin code"),
    rule!(Secret, AboutPeople, NUMBERED, "pin"),
    // Only with long values: see the verdict.
    rule!(
        FreeText,
        WithContent,
        WRITTEN,
        "note, notes, comment, comments, message, body, feedback, transcript, remark, remarks, review, bio, \
         biography, about me, conversation, chat, complaint, memo, testimonial, ticket text, \
         bemerkung, bemerkungen, notiz, notizen, kommentar, nachricht, anmerkung, commentaire, remarque, \
         nota, notas, comentario, observaciones, mensaje, messaggio, commento, osservazioni, mensagem, \
         observacoes, opmerking, opmerkingen, bericht, notatka, uwagi, komentarz, wiadomosc"
    ),
];

/// Whether a relation's name is about people.
pub(super) fn is_about_people(relation: &str) -> bool {
    tokens(relation).iter().any(|word| is_listed(PEOPLE, word))
}
