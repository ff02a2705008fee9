/** Takes what turned out to be true, joins it with what was predicted, and passes both on. */
@NullMarked
package dev.understudy.collector.outcomes;

import org.jspecify.annotations.NullMarked;
