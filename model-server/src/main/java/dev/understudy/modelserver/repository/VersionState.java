package dev.understudy.modelserver.repository;

/** Where a version stands. */
public enum VersionState {
  /** Being read and warmed; nobody can call it yet. */
  LOADING("LOADING"),
  /** Answers calls. */
  READY("READY"),
  /** Takes no new calls, and goes when the last one is answered. */
  UNLOADING("UNLOADING"),
  /** Could not be loaded; the reason says why. */
  FAILED("UNAVAILABLE"),
  /** Was loaded once. */
  UNLOADED("UNAVAILABLE");

  private final String protocolName;

  VersionState(String protocolName) {
    this.protocolName = protocolName;
  }

  /** As {@code RepositoryIndex} reports it. */
  public String protocolName() {
    return protocolName;
  }
}
