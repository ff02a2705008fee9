/** Which versions exist, by the digest of their content. */
@NullMarked
package dev.understudy.rollout.catalog;

import org.jspecify.annotations.NullMarked;
