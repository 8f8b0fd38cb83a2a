//! Whom to believe to be the database: the meaning of `sslmode` and `sslrootcert`.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use crate::error::{Error, Result};

/// Whose certificate counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Anyone's: `disable`, `prefer` and `require` promise no more than that others cannot listen in.
    Anyone,
    /// The host's, signed by an authority of this file, or else by one that browsers trust: `verify-ca`, `verify-full`.
    Authorities(Option<PathBuf>),
}

impl Trust {
    /// Takes what is about trust out of an address. The rest is for the driver.
    pub(super) fn take(address: &str) -> Result<(String, Self)> {
        // What is no URL is in the other form of the driver, `host=... user=...`.
        let Ok(mut url) = Url::parse(address) else { return Ok((address.to_owned(), Self::Anyone)) };
        let (mut verify, mut file, mut rest) = (false, None, Vec::new());
        for (name, value) in url.query_pairs() {
            match (name.as_ref(), value.as_ref()) {
                ("sslmode", "verify-ca" | "verify-full") => verify = true,
                ("sslmode", "allow") => rest.push(("sslmode".to_owned(), "prefer".to_owned())),
                ("sslrootcert", "system") => verify = true,
                ("sslrootcert", path) => file = Some(PathBuf::from(path)),
                _ => rest.push((name.into_owned(), value.into_owned())),
            }
        }
        // A space is `+` in a form and nothing but `%20` for the driver.
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
        url.set_query(Some(query.replace('+', "%20").as_str()).filter(|query| !query.is_empty()));
        // As everywhere: who names authorities wants them to be asked.
        let trust = if verify || file.is_some() { Self::Authorities(file) } else { Self::Anyone };
        Ok((url.into(), trust))
    }

    pub(super) fn connector(&self) -> Result<MakeRustlsConnect> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Refused(format!("TLS cannot be used: {error}")))?;
        let config = match self {
            Self::Anyone => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Unchecked(provider)))
                .with_no_client_auth(),
            Self::Authorities(file) => builder.with_root_certificates(roots(file)?).with_no_client_auth(),
        };
        Ok(MakeRustlsConnect::new(config))
    }
}

fn roots(file: &Option<PathBuf>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let refused = |error: &dyn std::fmt::Display| {
        Error::Refused(format!("sslrootcert {} cannot be used: {error}", file.display()))
    };
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| refused(&error))? {
        roots.add(certificate.map_err(|error| refused(&error))?).map_err(|error| refused(&error))?;
    }
    if roots.is_empty() {
        return Err(refused(&"it holds no certificate"));
    }
    Ok(roots)
}

/// Encrypts without asking who is there, as `sslmode=require` means it.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_trust_leaves_the_address() {
        let take = |address: &str| Trust::take(address).expect("it is an address");
        assert_eq!(take("postgres://me@db/x"), ("postgres://me@db/x".into(), Trust::Anyone));
        assert_eq!(
            take("postgres://me@db/x?sslmode=require&options=-c%20a%3Db"),
            ("postgres://me@db/x?sslmode=require&options=-c%20a%3Db".into(), Trust::Anyone)
        );
        assert_eq!(
            take("postgres://db/x?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem"),
            ("postgres://db/x".into(), Trust::Authorities(Some("/etc/ca.pem".into())))
        );
        assert_eq!(
            take("postgres://me:a+b@db/x?application_name=a%20b"),
            ("postgres://me:a+b@db/x?application_name=a%20b".into(), Trust::Anyone)
        );
        assert_eq!(
            take("postgres://db/x?sslmode=verify-ca"),
            ("postgres://db/x".into(), Trust::Authorities(None))
        );
        assert_eq!(take("host=/run user=me"), ("host=/run user=me".into(), Trust::Anyone));
    }
}
