/** What the comparator can be told in its YAML file. */
@NullMarked
package dev.understudy.comparator.config;

import org.jspecify.annotations.NullMarked;
