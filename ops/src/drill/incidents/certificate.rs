//! The listener shows a certificate that has ended. Weeks before, the days to its end are a metric.

use std::time::Instant;

use anyhow::ensure;

use crate::drill::incident::{Alarm, Callers, Incident, Injected, Observed, Over};
use crate::testbed::certificate;

pub(super) const EXPIRED: Incident = Incident {
    name: "certificate-expired",
    what: "the listener shows a certificate that ended yesterday",
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
    // What ACM would have counted: 20 days to the end, and 198 once it was renewed.
    alarms: &[(
        "certificate-expiring",
        Alarm::Daily("certificate-expiring", "DaysToExpiry", 20.0, 198.0),
    )],
    also: &["certificate-expired"],
    // Their way has no TLS.
    callers: Callers::AreElsewhere,
    recovery: ("a new one is taken", ""),
    over: Over::Mitigated,
    ..Incident::COMMON
};
