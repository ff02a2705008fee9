package dev.understudy.router.auth;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.router.call.CallerRole;
import dev.understudy.router.call.Gate;
import dev.understudy.router.call.Grant;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.ModelScope;
import dev.understudy.router.call.Principal;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.config.AuthConfig;
import org.jspecify.annotations.Nullable;

/**
 * Who is calling ({@link Credentials}), and what he may do. Any thread; nothing waits or locks. A
 * router that asks nobody pays one check for null.
 */
public final class Authenticator implements Gate, AutoCloseable {
  private final @Nullable Credentials credentials;
  private final AuthCounts counts;

  private Authenticator(@Nullable Credentials credentials, AuthCounts counts) {
    this.credentials = credentials;
    this.counts = counts;
  }

  /** Everybody is {@link Principal#ANONYMOUS}. */
  public static Authenticator open() {
    return new Authenticator(null, new AuthCounts());
  }

  /**
   * Asks everybody who he is.
   *
   * @param scheduler looks at files and fetches keys
   * @throws dev.understudy.chassis.config.ConfigException if a file cannot be used
   */
  public static Authenticator start(AuthConfig config, TimeSource time, Scheduler scheduler) {
    AuthCounts counts = new AuthCounts();
    Credentials credentials = new Credentials(config, time, counts);
    credentials.follow(scheduler);
    return new Authenticator(credentials, counts);
  }

  @Override
  public Principal authenticate(Headers headers) {
    return credentials == null ? Principal.ANONYMOUS : credentials.of(headers);
  }

  /** What a principal of this name may do, when somebody who may asks about its calls. */
  public Principal named(String name) {
    return credentials == null ? new Principal(name, Grant.OPEN) : credentials.named(name);
  }

  /**
   * Lets a principal send requests; which models, {@link #checkModel} says.
   *
   * @throws Fault when it may not
   */
  public void checkInfer(Principal principal) {
    if (!principal.grant().infer()) {
      counts.add(AuthRefusal.ROLE);
      throw Refusals.noRole(principal.name(), CallerRole.INFER.word());
    }
  }

  /**
   * Lets a principal call a model. This comes before the model is looked for, so that nobody can
   * find out which models there are outside of his scope.
   *
   * @throws Fault when it may not, or when this can be no model's name
   */
  public void checkModel(Principal principal, String model, String clientId) {
    if (model.length() > ModelScope.MOST_NAME_CHARS) {
      throw Refusals.unusableModelName(clientId, model.length(), ModelScope.MOST_NAME_CHARS);
    }
    if (!principal.grant().models().contains(model)) {
      counts.add(AuthRefusal.MODEL);
      throw Refusals.notInScope(clientId, principal.name(), model);
    }
  }

  @Override
  public void checkRead(Principal principal, String model) {
    if (!principal.grant().metadata()) {
      counts.add(AuthRefusal.ROLE);
      throw Refusals.noRole(principal.name(), CallerRole.METADATA.word());
    }
    if (model.length() > ModelScope.MOST_NAME_CHARS) {
      throw Refusals.unknownModel("", model);
    }
    if (!model.isEmpty()) {
      checkModel(principal, model, "");
    }
  }

  /** Whether a text is an API key here. */
  public boolean isKey(String text) {
    return credentials != null && credentials.isKey(text);
  }

  /** What was refused. */
  public AuthCounts counts() {
    return counts;
  }

  /** How many changes of keys could not be used, or not be had. */
  public long reloadFailures() {
    return credentials == null ? 0 : credentials.reloadFailures();
  }

  @Override
  public void close() {
    if (credentials != null) {
      credentials.close();
    }
  }
}
