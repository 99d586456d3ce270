use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, get_current_timestamp};
use serde_json::{Value, json};

use super::*;

struct Keys {
    signer: Signer,
    verifier: Verifier,
    public_pem: String,
}

fn keys() -> Keys {
    let (private, public_pem) = generate_pem().unwrap();
    Keys { signer: Signer::from_pem(&private).unwrap(), verifier: Verifier::from_pem(&public_pem).unwrap(), public_pem }
}

fn holder() -> Holder {
    Holder { tenant: Uuid::from_u128(1), user: Uuid::from_u128(2), session: Uuid::from_u128(3) }
}

fn now() -> u64 {
    get_current_timestamp()
}

/// A token with our key and whatever claims a test wants.
fn signed(keys: &Keys, header: &Header, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": holder().user, "tid": holder().tenant, "sid": holder().session,
        "jti": Uuid::from_u128(4), "exp": now() + 300, "nbf": now(), "iat": now(), "amr": ["pwd"],
    });
    change(&mut claims);
    encode(header, &claims, &keys.signer.key).unwrap()
}

fn header(keys: &Keys) -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(keys.signer.id.clone());
    header
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn a_token_we_signed_is_read_back() {
    let keys = keys();
    let token = keys.signer.sign(holder(), Uuid::from_u128(4), now(), 300).unwrap();
    let claims = keys.verifier.verify(&token).unwrap();
    assert_eq!((claims.tid, claims.sub, claims.sid), (holder().tenant, holder().user, holder().session));
    assert_eq!(claims.exp - claims.iat, 300);
    assert_eq!(decode_header(&token).unwrap().typ.as_deref(), Some("at+jwt"));
    assert!(keys.verifier.verify(&signed(&keys, &header(&keys), |_| ())).is_ok());
}

#[test]
fn no_token_lives_longer_than_ten_minutes() {
    let keys = keys();
    let token = keys.signer.sign(holder(), Uuid::from_u128(4), now(), 86_400).unwrap();
    let claims = keys.verifier.verify(&token).unwrap();
    assert_eq!(claims.exp - claims.iat, TOKEN_MAX_SECONDS);
    let forged = signed(&keys, &header(&keys), |claims| claims["exp"] = json!(now() + 86_400));
    assert_eq!(keys.verifier.verify(&forged), Err(InvalidToken));
}

#[test]
fn a_claim_that_is_wrong_missing_or_of_another_type_is_no_token() {
    let keys = keys();
    let wrong: [(&str, Value); 14] = [
        ("aud", json!("somebody-else")),
        ("aud", json!([AUDIENCE])),
        ("iss", json!("somebody-else")),
        ("exp", json!(now() - LEEWAY_SECONDS - 2)),
        ("exp", json!((now() + 300).to_string())),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("nbf", json!(now() + 60)),
        ("nbf", json!("0")),
        ("iat", json!(now() + 60)),
        ("sub", json!("admin")),
        ("tid", json!(7)),
        ("sid", Value::Null),
        ("amr", json!("pwd")),
    ];
    for (claim, value) in wrong {
        let token = signed(&keys, &header(&keys), |claims| claims[claim] = value.clone());
        assert_eq!(keys.verifier.verify(&token), Err(InvalidToken), "{claim} = {value}");
    }
    for claim in ["iss", "aud", "sub", "tid", "sid", "jti", "exp", "nbf", "iat", "amr"] {
        let token = signed(&keys, &header(&keys), |claims| drop(claims.as_object_mut().unwrap().remove(claim)));
        assert_eq!(keys.verifier.verify(&token), Err(InvalidToken), "without {claim}");
    }
}

#[test]
fn the_clocks_of_two_machines_may_be_a_little_apart() {
    let keys = keys();
    let early = signed(&keys, &header(&keys), |claims| claims["nbf"] = json!(now() + 2));
    assert!(keys.verifier.verify(&early).is_ok());
}

#[test]
fn a_token_of_another_kind_is_no_access_token() {
    let keys = keys();
    for typ in [Some("JWT"), Some("id+jwt"), None] {
        let mut header = header(&keys);
        header.typ = typ.map(str::to_owned);
        assert_eq!(keys.verifier.verify(&signed(&keys, &header, |_| ())), Err(InvalidToken), "{typ:?}");
    }
}

#[test]
fn no_algorithm_is_no_signature() {
    let keys = keys();
    let sound = signed(&keys, &header(&keys), |_| ());
    let claims = sound.split('.').nth(1).unwrap();
    for alg in ["none", "None", "NONE", ""] {
        let head = part(&json!({ "alg": alg, "typ": TYPE, "kid": keys.signer.id }));
        assert_eq!(keys.verifier.verify(&format!("{head}.{claims}.")), Err(InvalidToken), "{alg}");
    }
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    let keys = keys();
    for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        for secret in [keys.public_pem.as_bytes(), keys.public_pem.trim().as_bytes()] {
            let mut header = header(&keys);
            header.alg = alg;
            let claims: Claims = decode(
                signed(&keys, &self::header(&keys), |_| ()),
                keys.verifier.key(&keys.signer.id).unwrap(),
                &rules(),
            )
            .unwrap()
            .claims;
            let token = encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap();
            assert_eq!(keys.verifier.verify(&token), Err(InvalidToken), "{alg:?}");
        }
    }
}

#[test]
fn another_algorithm_in_the_header_does_not_change_how_it_is_checked() {
    let keys = keys();
    let sound = signed(&keys, &header(&keys), |_| ());
    let mut parts = sound.split('.').skip(1);
    let (claims, signature) = (parts.next().unwrap(), parts.next().unwrap());
    for alg in ["HS256", "RS256", "ES256", "PS512"] {
        let head = part(&json!({ "alg": alg, "typ": TYPE, "kid": keys.signer.id }));
        assert_eq!(keys.verifier.verify(&format!("{head}.{claims}.{signature}")), Err(InvalidToken), "{alg}");
    }
}

#[test]
fn a_changed_token_is_no_token() {
    let keys = keys();
    let sound = signed(&keys, &header(&keys), |_| ());
    let parts: Vec<&str> = sound.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    claims["sub"] = json!(Uuid::from_u128(99));
    for token in [
        format!("{}.{}.{}", parts[0], part(&claims), parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{sound}."),
        format!("{sound}A"),
        String::new(),
        "..".to_owned(),
        "x".repeat(TOKEN_MAX_BYTES + 1),
    ] {
        assert_eq!(keys.verifier.verify(&token), Err(InvalidToken), "{token}");
    }
}

#[test]
fn a_strangers_key_signs_nothing_even_under_our_keys_name() {
    let (ours, theirs) = (keys(), keys());
    assert_eq!(ours.verifier.verify(&signed(&theirs, &header(&theirs), |_| ())), Err(InvalidToken));
    assert_eq!(ours.verifier.verify(&signed(&theirs, &header(&ours), |_| ())), Err(InvalidToken));
}

#[test]
fn a_replaced_key_is_known_until_its_tokens_run_out() {
    let (old, new) = (keys(), keys());
    let both =
        Verifier::from_pem(&format!("the new one\n{}\nthe old one\n{}", new.public_pem, old.public_pem)).unwrap();
    assert!(both.verify(&signed(&old, &header(&old), |_| ())).is_ok());
    assert!(both.verify(&signed(&new, &header(&new), |_| ())).is_ok());
}

#[test]
fn what_is_no_ed25519_key_is_refused_at_start() {
    let (private, public) = generate_pem().unwrap();
    assert_eq!(Signer::from_pem("").err(), Some(KeyError::NoBlock));
    assert_eq!(Signer::from_pem(&public).err(), Some(KeyError::NoBlock));
    assert!(Verifier::from_pem(&private).is_ok());
    let body = private.lines().nth(1).unwrap();
    for label in ["RSA PRIVATE KEY", "EC PRIVATE KEY", "CERTIFICATE", "PUBLIC KEY"] {
        let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        assert_eq!(Verifier::from_pem(&pem).err(), Some(KeyError::NotEd25519), "{label}");
    }
}

#[test]
fn a_key_made_by_openssl_is_taken() {
    // RFC 8410, section 10.3: the private key of the examples, and its public one of section 10.1.
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    let token = Signer::from_pem(private).unwrap().sign(holder(), Uuid::from_u128(4), now(), 60).unwrap();
    assert!(Verifier::from_pem(public).unwrap().verify(&token).is_ok());
}
