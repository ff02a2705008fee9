package dev.understudy.router.admission;

/** What a caller asks for, as far as quotas tell it apart. */
public enum Method {
  /** {@code ModelInfer}. */
  INFER("infer"),

  /** One message of a {@code ModelStreamInfer}. */
  STREAM("stream"),

  /** Everything else but liveness and readiness of the server, which are free. */
  METADATA("metadata");

  private final String word;

  Method(String word) {
    this.word = word;
  }

  /** As configuration and texts have it. */
  public String word() {
    return word;
  }
}
