/** The router's own administration: champion-only glass and the table in force. */
@NullMarked
package dev.understudy.router.admin;

import org.jspecify.annotations.NullMarked;
