//! The side tables of accounts: what must never enter an event. A row is written before the append whose event names
//! it, so a crash between the two leaves a row nobody names, which `sweep` removes. No password and no token is kept,
//! only what proves one.

use domain::vocabulary::{ApiKeyId, CredentialId, InvitationId, StreamKind, TenantId, Timestamp, UserId};
use platform::postgres::Pool;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock;

/// Long enough that no append that might still name a row is in flight.
pub const UNNAMED_KEPT_MINUTES: i32 = 60;
/// So long a used or expired invitation still answers 410 rather than 404.
pub const INVITATION_REMEMBERED_DAYS: i32 = 90;

/// How far back the sweeper looks for keys of people who never came to be. An older key was looked at in its youth, so
/// that each sweep need not ask for every person of the deployment.
pub const SUBJECT_KEYS_LOOKED_BACK_DAYS: i32 = 7;

#[derive(Clone)]
pub struct Accounts {
    pool: Pool,
}

/// An invitation as its link finds it.
pub struct Invitation {
    pub id: InvitationId,
    pub tenant: TenantId,
    pub user: UserId,
    pub expires_at: Timestamp,
}

/// A credential that may have lost its event: the sweeper asks the user's stream.
pub struct Suspect {
    pub tenant: TenantId,
    pub user: UserId,
    pub credential: CredentialId,
}

impl Accounts {
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    pub async fn keep_credential(
        &self,
        tenant: TenantId,
        user: UserId,
        credential: CredentialId,
        phc: &str,
    ) -> sqlx::Result<()> {
        sqlx::query!(
            "INSERT INTO store.credentials (credential_id, tenant_id, user_id, password_hash) VALUES ($1, $2, $3, $4)",
            credential.uuid(),
            tenant.uuid(),
            user.uuid(),
            phc,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn password_hash(&self, credential: CredentialId) -> sqlx::Result<Option<String>> {
        let id = credential.uuid();
        sqlx::query_scalar!("SELECT password_hash FROM store.credentials WHERE credential_id = $1", id)
            .fetch_optional(&self.pool)
            .await
    }

    pub async fn keep_invitation(&self, invitation: &Invitation, token: &str) -> sqlx::Result<()> {
        sqlx::query!(
            "INSERT INTO store.invitations (invitation_id, tenant_id, user_id, token_sha256, expires_at)
             VALUES ($1, $2, $3, $4, $5)",
            invitation.id.uuid(),
            invitation.tenant.uuid(),
            invitation.user.uuid(),
            &sha256(token)[..],
            clock::to_utc(invitation.expires_at),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn find_invitation(&self, token: &str) -> sqlx::Result<Option<Invitation>> {
        let row = sqlx::query!(
            "SELECT invitation_id, tenant_id, user_id, expires_at FROM store.invitations WHERE token_sha256 = $1",
            &sha256(token)[..],
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Invitation {
            id: InvitationId::new(row.invitation_id),
            tenant: TenantId::new(row.tenant_id),
            user: UserId::new(row.user_id),
            expires_at: clock::from_utc(row.expires_at),
        }))
    }

    pub async fn keep_api_key(
        &self,
        tenant: TenantId,
        api_key: ApiKeyId,
        public_id: &str,
        secret_sha256: &[u8; 32],
    ) -> sqlx::Result<()> {
        sqlx::query!(
            "INSERT INTO store.api_key_secrets (public_id, tenant_id, api_key_id, secret_sha256) VALUES ($1, $2, $3, $4)",
            public_id,
            tenant.uuid(),
            api_key.uuid(),
            &secret_sha256[..],
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Removes the rows whose stream never came to be, and invitations too old to be remembered.
    pub async fn sweep(&self) -> sqlx::Result<u64> {
        let invitations = sqlx::query!(
            "DELETE FROM store.invitations i
             WHERE i.created_at < now() - make_interval(mins => $1)
               AND (NOT EXISTS (SELECT FROM store.streams s WHERE s.stream_id = i.user_id)
                    OR i.expires_at < now() - make_interval(days => $2))",
            UNNAMED_KEPT_MINUTES,
            INVITATION_REMEMBERED_DAYS,
        )
        .execute(&self.pool)
        .await?;
        let secrets = sqlx::query!(
            "DELETE FROM store.api_key_secrets k
             WHERE k.created_at < now() - make_interval(mins => $1)
               AND NOT EXISTS (SELECT FROM store.streams s WHERE s.stream_id = k.api_key_id)",
            UNNAMED_KEPT_MINUTES,
        )
        .execute(&self.pool)
        .await?;
        let keys = self.sweep_subject_keys().await?;
        Ok(invitations.rows_affected() + secrets.rows_affected() + keys)
    }

    /// A key is made for a user before the append that invites them; refused, it has sealed nothing that was kept.
    async fn sweep_subject_keys(&self) -> sqlx::Result<u64> {
        let keys = sqlx::query!(
            "DELETE FROM store.subject_keys k
             WHERE k.created_at < now() - make_interval(mins => $1)
               AND k.created_at > now() - make_interval(days => $2) AND k.wrapped IS NOT NULL
               AND NOT EXISTS (SELECT FROM store.streams s WHERE s.stream_id = k.subject_id AND s.kind = $3)",
            UNNAMED_KEPT_MINUTES,
            SUBJECT_KEYS_LOOKED_BACK_DAYS,
            StreamKind::User.as_str(),
        )
        .execute(&self.pool)
        .await?;
        Ok(keys.rows_affected())
    }

    /// Credentials that may be named by no event: their user has several, or has accepted nothing yet.
    pub async fn suspects(&self, limit: i64) -> sqlx::Result<Vec<Suspect>> {
        let rows = sqlx::query!(
            "SELECT c.tenant_id, c.user_id, c.credential_id FROM store.credentials c
             WHERE c.created_at < now() - make_interval(mins => $1)
               AND (EXISTS (SELECT FROM store.credentials o
                            WHERE o.user_id = c.user_id AND o.credential_id <> c.credential_id)
                    OR NOT EXISTS (SELECT FROM store.streams s WHERE s.stream_id = c.user_id AND s.version > 1))
             LIMIT $2",
            UNNAMED_KEPT_MINUTES,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let suspects = rows.into_iter().map(|row| Suspect {
            tenant: TenantId::new(row.tenant_id),
            user: UserId::new(row.user_id),
            credential: CredentialId::new(row.credential_id),
        });
        Ok(suspects.collect())
    }

    pub async fn forget_credential(&self, credential: CredentialId) -> sqlx::Result<()> {
        let id: Uuid = credential.uuid();
        sqlx::query!("DELETE FROM store.credentials WHERE credential_id = $1", id).execute(&self.pool).await?;
        Ok(())
    }
}

fn sha256(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
