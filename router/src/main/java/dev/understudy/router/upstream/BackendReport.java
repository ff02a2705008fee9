package dev.understudy.router.upstream;

/**
 * A backend as one arm sees it, for people.
 *
 * @param model of the arm
 * @param arm its name
 * @param address of the backend
 * @param inFlight calls to the backend that have not ended, whichever arm's
 * @param latencyNanos peak-EWMA of its answers, 0 when not known
 * @param state 0 in use, 1 failed its checks, 2 ejected, 3 its breaker is not closed
 * @param ejections how often it has been ejected
 */
public record BackendReport(
    String model,
    String arm,
    String address,
    int inFlight,
    long latencyNanos,
    int state,
    int ejections) {}
