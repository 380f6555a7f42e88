// Integer operations on a 64-bit word of 8, 16, 32 or 64-bit elements (sew 0..3).

// op: 0 add, 1 subtract, 2 and, 3 or, 4 exclusive or, 5 minimum, 6 maximum (signed), 7 shift left, 8 shift right,
// 9 shift right arithmetic, 10 equal, 11 less than (signed); 10 and 11 set all bits of an element or none.
function [63:0] simd_alu;
    input [3:0] op;
    input [1:0] sew;
    input [63:0] a;
    input [63:0] b;
    integer i;
    begin
        simd_alu = 64'd0;
        case (sew)
            2'd0: for (i = 0; i < 8; i = i + 1) simd_alu[8 * i +: 8] = alu8(op, a[8 * i +: 8], b[8 * i +: 8]);
            2'd1: for (i = 0; i < 4; i = i + 1) simd_alu[16 * i +: 16] = alu16(op, a[16 * i +: 16], b[16 * i +: 16]);
            2'd2: for (i = 0; i < 2; i = i + 1) simd_alu[32 * i +: 32] = alu32(op, a[32 * i +: 32], b[32 * i +: 32]);
            default: simd_alu = alu64(op, a, b);
        endcase
    end
endfunction

function [7:0] alu8;
    input [3:0] op;
    input [7:0] a;
    input [7:0] b;
    reg less;
    begin
        less = $signed(a) < $signed(b);
        case (op)
            4'd0: alu8 = a + b;
            4'd1: alu8 = a - b;
            4'd2: alu8 = a & b;
            4'd3: alu8 = a | b;
            4'd4: alu8 = a ^ b;
            4'd5: alu8 = less ? a : b;
            4'd6: alu8 = less ? b : a;
            4'd7: alu8 = a << b[2:0];
            4'd8: alu8 = a >> b[2:0];
            4'd9: alu8 = $signed(a) >>> b[2:0];
            4'd10: alu8 = {8{a == b}};
            default: alu8 = {8{less}};
        endcase
    end
endfunction

function [15:0] alu16;
    input [3:0] op;
    input [15:0] a;
    input [15:0] b;
    reg less;
    begin
        less = $signed(a) < $signed(b);
        case (op)
            4'd0: alu16 = a + b;
            4'd1: alu16 = a - b;
            4'd2: alu16 = a & b;
            4'd3: alu16 = a | b;
            4'd4: alu16 = a ^ b;
            4'd5: alu16 = less ? a : b;
            4'd6: alu16 = less ? b : a;
            4'd7: alu16 = a << b[3:0];
            4'd8: alu16 = a >> b[3:0];
            4'd9: alu16 = $signed(a) >>> b[3:0];
            4'd10: alu16 = {16{a == b}};
            default: alu16 = {16{less}};
        endcase
    end
endfunction

function [31:0] alu32;
    input [3:0] op;
    input [31:0] a;
    input [31:0] b;
    reg less;
    begin
        less = $signed(a) < $signed(b);
        case (op)
            4'd0: alu32 = a + b;
            4'd1: alu32 = a - b;
            4'd2: alu32 = a & b;
            4'd3: alu32 = a | b;
            4'd4: alu32 = a ^ b;
            4'd5: alu32 = less ? a : b;
            4'd6: alu32 = less ? b : a;
            4'd7: alu32 = a << b[4:0];
            4'd8: alu32 = a >> b[4:0];
            4'd9: alu32 = $signed(a) >>> b[4:0];
            4'd10: alu32 = {32{a == b}};
            default: alu32 = {32{less}};
        endcase
    end
endfunction

function [63:0] alu64;
    input [3:0] op;
    input [63:0] a;
    input [63:0] b;
    reg less;
    begin
        less = $signed(a) < $signed(b);
        case (op)
            4'd0: alu64 = a + b;
            4'd1: alu64 = a - b;
            4'd2: alu64 = a & b;
            4'd3: alu64 = a | b;
            4'd4: alu64 = a ^ b;
            4'd5: alu64 = less ? a : b;
            4'd6: alu64 = less ? b : a;
            4'd7: alu64 = a << b[5:0];
            4'd8: alu64 = a >> b[5:0];
            4'd9: alu64 = $signed(a) >>> b[5:0];
            4'd10: alu64 = {64{a == b}};
            default: alu64 = {64{less}};
        endcase
    end
endfunction

// Sum of four signed 8-bit products for each 32-bit element.
function [63:0] dot8;
    input [63:0] a;
    input [63:0] b;
    integer i;
    reg signed [15:0] product;
    begin
        dot8 = 64'd0;
        for (i = 0; i < 8; i = i + 1) begin
            product = $signed(a[8 * i +: 8]) * $signed(b[8 * i +: 8]);
            dot8[32 * (i / 4) +: 32] = dot8[32 * (i / 4) +: 32] + {{16{product[15]}}, product};
        end
    end
endfunction

// Sum of two signed 16-bit products for each 32-bit element.
function [63:0] dot16;
    input [63:0] a;
    input [63:0] b;
    integer i;
    reg signed [31:0] product;
    begin
        dot16 = 64'd0;
        for (i = 0; i < 4; i = i + 1) begin
            product = $signed(a[16 * i +: 16]) * $signed(b[16 * i +: 16]);
            dot16[32 * (i / 2) +: 32] = dot16[32 * (i / 2) +: 32] + product;
        end
    end
endfunction

// Low half of the 32-bit products.
function [63:0] multiply32;
    input [63:0] a;
    input [63:0] b;
    multiply32 = {a[63:32] * b[63:32], a[31:0] * b[31:0]};
endfunction
