//! What somebody may want of an organization, as three small numbers: so that chance can choose it and a failing history
//! can be made shorter.

use std::time::Duration;

use command_api::raising::finding_id;
use domain::api_key::{self, PublicId};
use domain::device::{self, Identifiers, Registration};
use domain::finding::{self, Report};
use domain::organization::{self, Plan};
use domain::scan::{self, Counts, Hosts, Record, Scope};
use domain::session;
use domain::user::{self, By, Invite, User};
use domain::vocabulary::{
    Address, Addresses, CredentialId, Cve, Cves, DeviceId, DeviceStatus, InvitationId, Label, LoginName, Name, Network,
    Personal, Role, ScanId, Severity, Sha256, UserId,
};
use uuid::Uuid;

use super::world::World;

/// Few enough for two devices to want the same.
const ADDRESSES: u8 = 24;
const DAY: Duration = Duration::from_secs(24 * 3_600);

#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) what: u8,
    /// Of all there are.
    pub(super) which: u8,
    pub(super) how: u8,
}

impl World {
    pub(super) async fn found(&mut self) {
        let slug = format!("org-{}", self.tenant.uuid().simple()).parse().unwrap();
        let command =
            organization::Command::Found { slug, name: name("Acme"), plan: Plan::Enterprise, device_limit: None };
        let (tenant, here) = (self.tenant, (self.tenant, self.now, &self.appender));
        self.organization.give(tenant.into(), command, here).await;
    }

    pub(super) async fn fulfil(&mut self, wish: Wish) {
        match wish.what {
            0 => self.leap(u64::from(wish.how) * 3),
            1 => self.administrate(wish).await,
            2..=5 => self.manage_user(wish).await,
            6 => self.log_in_or_out(wish).await,
            7 => self.manage_key(wish).await,
            8..=12 => self.report_device(wish).await,
            13 => self.record_scan(wish).await,
            14..=18 => self.raise(wish).await,
            _ => self.triage(wish).await,
        }
        self.leap(1);
    }

    async fn administrate(&mut self, Wish { how, .. }: Wish) {
        use organization::Command as C;
        let command = match how % 3 {
            0 => C::ChangePlan {
                plan: Plan::ALL[usize::from(how) % 3],
                device_limit: (how > 99).then_some(u32::from(how)),
            },
            1 => C::Suspend { reason: (how > 99).then(|| "unpaid".parse().unwrap()) },
            _ => C::Resume,
        };
        let here = (self.tenant, self.now, &self.appender);
        self.organization.give(self.tenant.into(), command, here).await;
    }

    async fn manage_user(&mut self, Wish { which, how, .. }: Wish) {
        use user::Command as C;
        let user = self.users.pick(which);
        let role = Role::ALL[usize::from(how / 8) % Role::ALL.len()];
        let command = match (self.users.state(user), how % 6) {
            (User::Invited { invitation, .. }, 0..=1) => {
                C::Accept { invitation: invitation.id, credential: CredentialId::new(Uuid::now_v7()) }
            }
            (User::Uninvited, _) | (_, 2) => C::Invite(Invite {
                login: format!("user-{how}").parse::<LoginName>().unwrap(),
                display_name: (how > 99).then(|| Personal::Clear(name("Ada"))),
                email: None,
                role,
                invitation: InvitationId::new(Uuid::now_v7()),
                expires_at: self.now.plus(DAY * u32::from(1 + how % 9)),
            }),
            (_, 3) => C::Disable { by: By::Another },
            (_, 4) => C::Enable,
            (_, _) => C::SetRole { role, by: By::Another },
        };
        self.users.give(user, command, (self.tenant, self.now, &self.appender)).await;
    }

    async fn log_in_or_out(&mut self, Wish { which, how, .. }: Wish) {
        use session::Command as C;
        let Some((user, _)) = self.users.some(how) else { return };
        let start = C::Start { user: UserId::new(user.uuid()), expires_at: self.now.plus(DAY / 2) };
        let session = self.sessions.pick(which);
        let command = if self.sessions.0.iter().all(|(known, _)| *known != session) {
            start
        } else if how.is_multiple_of(2) {
            C::LogOut
        } else {
            C::Expire
        };
        self.sessions.give(session, command, (self.tenant, self.now, &self.appender)).await;
    }

    async fn manage_key(&mut self, Wish { which, how, .. }: Wish) {
        use api_key::Command as C;
        let key = self.api_keys.pick(which);
        let public_id = PublicId::parse(&key.uuid().simple().to_string()[20..]).unwrap();
        let expires_at = how.is_multiple_of(2).then(|| self.now.plus(DAY));
        let command = match how % 4 {
            0 | 1 => C::Issue { name: name("scanner"), public_id, expires_at },
            2 => C::Revoke,
            _ => C::Expire,
        };
        self.api_keys.give(key, command, (self.tenant, self.now, &self.appender)).await;
    }

    async fn report_device(&mut self, Wish { which, how, .. }: Wish) {
        use device::Command as C;
        let device = self.devices.pick(which);
        let known = self.devices.0.iter().any(|(known, _)| *known == device);
        let command = match how % 8 {
            _ if !known => {
                let mut registration = Registration::new(identifiers(how));
                registration.profile.kind = (how % 3 > 0).then(|| label(["switch", "server"][usize::from(how % 2)]));
                registration.profile.name = (how > 99).then(|| name("core"));
                C::Register(registration)
            }
            0 => C::Retire,
            1..=3 => C::ChangeIdentifiers(identifiers(how)),
            _ => C::ReportStatus {
                status: DeviceStatus::ALL[usize::from(how) % DeviceStatus::ALL.len()],
                seen_at: self.now,
            },
        };
        self.devices.give(device, command, (self.tenant, self.now, &self.appender)).await;
    }

    async fn record_scan(&mut self, Wish { which, how, .. }: Wish) {
        let sha256 = Sha256::of(&[which % 4]);
        let lane = label("nmap");
        let scan = ScanId::natural(self.tenant, &lane, &sha256).into();
        let command = scan::Command::Record(Record {
            tool: label("nmap"),
            tool_version: None,
            lane,
            scope: Scope { devices: u32::from(how), hosts: Hosts::new([name("10.0.0.0/24")]).unwrap() },
            sha256,
            bytes: u64::from(how),
            observed_at: self.now,
            counts: Counts { hosts_up: u32::from(how), ..Counts::default() },
        });
        self.scans.give(scan, command, (self.tenant, self.now, &self.appender)).await;
    }

    async fn raise(&mut self, Wish { which, how, .. }: Wish) {
        let severity = Severity::ALL[usize::from(how) % Severity::ALL.len()];
        let observed_at = self.now.minus(Duration::from_secs(u64::from(which) * 60));
        let mut report = Report::new(label("vulnerability"), "Telnet is open".parse().unwrap(), severity, observed_at);
        report.device =
            self.devices.some(which).filter(|_| how % 4 > 0).map(|(device, _)| DeviceId::new(device.uuid()));
        if how % 2 > 0 {
            let cves = [0, how % 5].map(|n| format!("CVE-2024-{:04}", 1 + n).parse::<Cve>().unwrap());
            report.cves = Cves::new(cves).unwrap();
            report.evidence = Some("23/tcp".parse().unwrap());
        }
        let finding = finding_id(self.tenant, &report).into();
        self.findings.give(finding, finding::Command::Raise(report), (self.tenant, self.now, &self.appender)).await;
    }

    async fn triage(&mut self, Wish { what, which, how }: Wish) {
        use finding::Command as C;
        let Some((finding, _)) = self.findings.some(which) else { return };
        let finding = *finding;
        let (ada, ben) = (UserId::new(Uuid::from_u128(1)), UserId::new(Uuid::from_u128(2)));
        let by = if how.is_multiple_of(4) { ada } else { ben };
        let reason = || "because".parse().unwrap();
        let command = match what {
            19 => C::Observe { observed_at: self.now.minus(Duration::from_secs(u64::from(how) * 60)) },
            20 => C::ChangeSeverity { severity: Severity::ALL[usize::from(how) % Severity::ALL.len()], reason: None },
            21 => C::Confirm,
            22 => C::MarkFalsePositive { reason: reason() },
            23 => C::MarkOutOfScope { reason: reason() },
            24 => C::Start,
            25 => C::ClaimFixed { note: None },
            26 => C::Verify,
            27 => C::Assign { assignee: (how > 99).then_some(ben) },
            28 => C::RequestAcceptance {
                by: ada,
                reason: reason(),
                until: self.now.plus(DAY * u32::from(1 + how % 20)),
                proof: None,
            },
            29 if how > 64 => C::ApproveAcceptance { by: ben },
            29 => C::DeclineAcceptance { by, reason: None },
            30 if how > 128 => C::LapseAcceptance,
            30 => C::Note { text: "seen".parse().unwrap() },
            _ if how > 128 => C::Reopen { reason: None },
            _ => C::Resolve { reason: Some(reason()) },
        };
        self.findings.give(finding, command, (self.tenant, self.now, &self.appender)).await;
    }
}

fn identifiers(how: u8) -> Identifiers {
    let addresses =
        [how % ADDRESSES, how / 2 % ADDRESSES].map(|n| format!("10.0.0.{}", n + 1).parse::<Address>().unwrap());
    let host_name = (how > 200).then(|| "core-1".parse().unwrap());
    Identifiers::new(Network::default(), Addresses::new(addresses).unwrap(), None, host_name).unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn label(text: &str) -> Label {
    text.parse().unwrap()
}
