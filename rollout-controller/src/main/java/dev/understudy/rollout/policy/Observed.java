package dev.understudy.rollout.policy;

import dev.understudy.proto.v1.EvidenceReport;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the evidence.
 *
 * @param report the newest report of this rollout; null before the first
 * @param heardMillis wall clock when the judge was last heard
 * @param unacknowledgedBlocks how many blocks of evidence that the judge has not acknowledged the
 *     connected router with the most of them holds
 */
public record Observed(
    @Nullable EvidenceReport report, long heardMillis, long unacknowledgedBlocks) {}
