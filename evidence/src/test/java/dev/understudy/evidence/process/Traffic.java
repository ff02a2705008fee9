package dev.understudy.evidence.process;

import java.util.SplittableRandom;

/** Requests with a canary share and error rates that may depend on the request's number. */
record Traffic(Share share, Rate canary, Rate baseline, int requests) {
  interface Share {
    double at(int request);
  }

  interface Rate {
    double at(int request);
  }

  interface Observer {
    /** Returns whether a decision was made. */
    boolean see(double w, boolean onCanary, boolean bad);
  }

  static Share constant(double w) {
    return i -> w;
  }

  /** 5, 10, 25, 50 %, a quarter of 10,000 requests each. */
  static double steps(int request) {
    return switch (request / 2500) {
      case 0 -> .05;
      case 1 -> .1;
      case 2 -> .25;
      default -> .5;
    };
  }

  /** Eight times the errors in both arms for 1,500 requests. */
  static Rate incident(double rate) {
    return i -> i >= 3000 && i < 4500 ? 8 * rate : rate;
  }

  static Traffic aa(Share share, Rate rate) {
    return new Traffic(share, rate, rate, 10_000);
  }

  static Traffic of(double w, double canary, double baseline) {
    return new Traffic(constant(w), i -> canary, i -> baseline, 10_000);
  }

  long decidedAt(SplittableRandom random, Observer observer) {
    for (int i = 0; i < requests; i++) {
      double w = share.at(i);
      boolean onCanary = random.nextDouble() < w;
      boolean bad = random.nextDouble() < (onCanary ? canary : baseline).at(i);
      if (observer.see(w, onCanary, bad)) {
        return i + 1L;
      }
    }
    return Simulation.NEVER;
  }
}
