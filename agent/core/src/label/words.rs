//! Lists of words that the rules about names ask for, folded as [`super::tokens`] does.

/// Words behind a phrase that make it about something else: `email_verified_at`, `phone_type`.
pub(super) const ABOUT_SOMETHING_ELSE: &str = " id ids count counts type types status state verified confirmed validated \
    valid enabled disabled active required optional at on flag opt optin optout template templates format \
    kind category version provider domain subject preference preferences setting settings index length size \
    limit policy strength expiry expires expiration expired changed updated created sent attempts brand \
    issuer network scheme currency country city level rank total number_of prefix typ anzahl datum ";

/// Words before a phrase that make it about something else: `has_email`, `num_addresses`.
pub(super) const ASKING: &str = " is has had can should must num number count total max min avg sum send require requires \
    allow allows enable use uses show hide no ";

/// Words for people; a relation named by one is about people.
pub(super) const PEOPLE: &str = " account accounts admin admins applicant applicants author authors borrower borrowers \
    candidate candidates cardholder cardholders child children client clients contact contacts customer customers \
    donor donors driver drivers employee employees follower friend friends guest guests holder holders individual \
    individuals lead leads member members parent parents participant participants passenger passengers patient \
    patients people person persons player players profile profiles recipient recipients resident residents \
    staff student students subscriber subscribers teacher teachers tenant_user traveler user users visitor \
    visitors voter voters worker workers payee payees beneficiary beneficiaries \
    ansprechpartner benutzer kunde kunden mitarbeiter mitglied mitglieder nutzer patienten personen schueler \
    abonne abonnes employe employes personne personnes salarie salaries utilisateur utilisateurs adherent \
    adherents cliente clientes empleado empleados persona personas usuario usuarios paciente pacientes socio \
    socios clienti dipendente dipendenti persone utente utenti paziente pazienti funcionario funcionarios \
    pessoa pessoas utilizador gebruiker gebruikers klant klanten medewerker medewerkers personeel \
    klient klienci osoba osoby pracownik pracownicy uzytkownik uzytkownicy pacjent pacjenci ";

pub(super) fn is_listed(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}
