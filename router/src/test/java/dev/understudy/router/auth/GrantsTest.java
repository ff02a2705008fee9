package dev.understudy.router.auth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.router.call.CallerRole;
import dev.understudy.router.call.Grant;
import dev.understudy.router.call.ModelScope;
import dev.understudy.router.config.AuthConfig;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class GrantsTest {
  private static final Grant ALICES = Grant.of(Set.of(CallerRole.INFER), ModelScope.ALL, null);

  private static Grant grant(
      String principal, @Nullable Set<CallerRole> roles, @Nullable ModelScope models) {
    AuthConfig config =
        new AuthConfig(
            null,
            null,
            true,
            Map.of("alice", ALICES),
            null,
            List.of("alice", "tom"),
            new AuthConfig.Failures(1, 1));
    return new Grants(config)
        .of(new TokenVerifier.Good(principal, roles, models, Long.MAX_VALUE))
        .grant();
  }

  @Test
  void aTestersTokenGivesWhatItsClaimsSayAndTheTestersRole() {
    Grant grant = grant("tom", Set.of(CallerRole.METADATA), ModelScope.of(List.of("churn")));
    assertTrue(grant.tester());
    assertTrue(grant.metadata());
    assertFalse(grant.infer());
    assertTrue(grant.models().contains("churn"));
    assertFalse(grant.models().contains("fraud"));
    assertFalse(grant("tom", null, ModelScope.of(List.of("churn"))).models().contains("fraud"));
    assertFalse(grant("tom", Set.of(CallerRole.INFER), null).models().contains("fraud"));
  }

  @Test
  void aTesterOfWhomNothingIsSaidTestsEverything() {
    Grant grant = grant("tom", null, null);
    assertTrue(grant.tester());
    assertTrue(grant.infer());
    assertTrue(grant.models().contains("fraud"));
  }

  @Test
  void aGrantInTheConfigurationStandsAboveClaims() {
    assertEquals(ALICES.withTester(), grant("alice", Set.of(CallerRole.METADATA), ModelScope.NONE));
  }
}
