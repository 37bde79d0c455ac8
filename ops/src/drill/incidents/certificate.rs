//! The listener presents an expired certificate. Weeks before, the metric `DaysToExpiry` shows the days that are left.

use std::time::Instant;

use anyhow::ensure;

use crate::drill::incident::{Alarm, Callers, Incident, Injected, Observed, Over};
use crate::testbed::certificate;

pub(super) const EXPIRED: Incident = Incident {
    name: "certificate-expired",
    what: "the listener presents a certificate that expired yesterday",
    inject: |drill| {
        Box::pin(async {
            let testbed = &drill.testbed;
            let expired = certificate::make_expired(&testbed.folder, "expired").await?;
            let before = certificate::refused(testbed, &testbed.certificate.public).await?;
            let begun = Instant::now();
            testbed.balancer.show_certificate(&testbed.certificate.pem, &expired.pem).await?;
            let text = certificate::refused(testbed, &expired.public).await?.unwrap_or_default();
            let good = before.is_none() && text.contains("expired");
            let observed = Some(Observed { after: begun.elapsed().as_secs_f32(), good, text });
            let renew = Injected::now(|drill| {
                Box::pin(async {
                    let testbed = &drill.testbed;
                    let renewed = certificate::make(&testbed.folder, "renewed", 30).await?;
                    testbed
                        .balancer
                        .show_certificate(&testbed.certificate.pem, &renewed.pem)
                        .await?;
                    let refused = certificate::refused(testbed, &renewed.public).await?;
                    ensure!(refused.is_none(), "{refused:?}");
                    Ok(())
                })
            });
            Ok(Injected { begun, observed, ..renew })
        })
    },
    sign: ("callers refuse it", "curl"),
    // The values that ACM would report: 20 days before expiry, and 198 days after the renewal.
    alarms: &[(
        "certificate-expiring",
        Alarm::Daily("certificate-expiring", "DaysToExpiry", 20.0, 198.0),
    )],
    also: &["certificate-expired"],
    // The requests of the load do not use TLS.
    callers: Callers::AreElsewhere,
    recovery: ("callers accept the renewed certificate", ""),
    over: Over::Mitigated,
    ..Incident::COMMON
};
