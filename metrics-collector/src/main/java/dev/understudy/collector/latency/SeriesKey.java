package dev.understudy.collector.latency;

import dev.understudy.proto.v1.Role;

/**
 * What is measured apart.
 *
 * @param service who measured
 * @param stage the part of the call: total, queue, compute, upstream, router; call: the whole as
 *     the caller saw it, taken from the records of calls
 */
public record SeriesKey(String service, String stage, String model, Role role, String version) {}
