// IEEE 754 single-precision fused multiply-add, round to nearest even, in four steps that a pipeline can register.
// Subnormals are handled in full. Every NaN result is the canonical quiet NaN.
//
// The sum is formed in a window of 78 bits: the product's 48 bits at [50:3], the addend up to 50 places above the
// product's last bit, two guard bits and a sticky bit below. `base` is the exponent of window bit 3.

// {special, special value 32, sign of product, sign of addend, product 48, addend 24, right shift 8, base 12}
function [126:0] fma_multiply;
    input [31:0] a;
    input [31:0] b;
    input [31:0] c;
    reg [23:0] ma;
    reg [23:0] mb;
    reg [23:0] mc;
    reg signed [11:0] ea;
    reg signed [11:0] eb;
    reg signed [11:0] ec;
    reg signed [11:0] place;
    reg signed [11:0] base;
    reg signed [11:0] distance;
    reg sp;
    reg nan;
    reg product_infinite;
    reg addend_infinite;
    reg special;
    reg [31:0] value;
    begin
        ma = {a[30:23] != 8'd0, a[22:0]};
        mb = {b[30:23] != 8'd0, b[22:0]};
        mc = {c[30:23] != 8'd0, c[22:0]};
        ea = $signed({4'd0, a[30:23]});
        eb = $signed({4'd0, b[30:23]});
        ec = $signed({4'd0, c[30:23]});
        if (a[30:23] == 8'd0) ea = 12'sd1;
        if (b[30:23] == 8'd0) eb = 12'sd1;
        if (c[30:23] == 8'd0) ec = 12'sd1;
        sp = a[31] ^ b[31];
        product_infinite = (a[30:0] == 31'h7f800000) | (b[30:0] == 31'h7f800000);
        addend_infinite = c[30:0] == 31'h7f800000;
        nan = (a[30:0] > 31'h7f800000) | (b[30:0] > 31'h7f800000) | (c[30:0] > 31'h7f800000);
        nan = nan | (product_infinite & ((a[30:0] == 31'd0) | (b[30:0] == 31'd0)));
        nan = nan | (product_infinite & addend_infinite & (sp != c[31]));
        special = nan | product_infinite | addend_infinite;
        value = nan ? 32'h7fc00000 : product_infinite ? {sp, 31'h7f800000} : {c[31], 31'h7f800000};
        place = ec - ea - eb + 12'sd150;
        base = ea + eb - 12'sd300;
        distance = 12'sd50 - place;
        if (distance < 12'sd0 || ma == 24'd0 || mb == 24'd0) begin
            if (mc != 24'd0) base = ec - 12'sd200;
            distance = 12'sd0;
        end
        if (distance > 12'sd80) distance = 12'sd80;
        fma_multiply = {special, value, sp, c[31], {24'd0, ma} * {24'd0, mb}, mc, distance[7:0], base};
    end
endfunction

// {special, special value 32, sign, magnitude 78, base 12}
function [123:0] fma_add;
    input [126:0] s;
    reg [156:0] shifted;
    reg [77:0] addend;
    reg [77:0] product;
    reg [78:0] difference;
    reg [77:0] magnitude;
    reg sp;
    reg sc;
    reg sign;
    begin
        sp = s[93];
        sc = s[92];
        product = {27'd0, s[91:44], 3'd0};
        shifted = {1'b0, s[43:20], 132'd0} >> s[19:12];
        addend = {shifted[156:80], shifted[79] | (shifted[78:0] != 79'd0)};
        difference = {1'b0, product} - {1'b0, addend};
        if (sp == sc) begin
            magnitude = product + addend;
            sign = sp;
        end else if (difference[78]) begin
            magnitude = addend - product;
            sign = sc;
        end else begin
            magnitude = difference[77:0];
            sign = sp & (difference[77:0] != 78'd0);
        end
        fma_add = {s[126], s[125:94], sign, magnitude, s[11:0]};
    end
endfunction

// Leading zeros of the window, 78 if it is empty.
function [6:0] fma_leading_zeros;
    input [77:0] value;
    integer i;
    begin
        fma_leading_zeros = 7'd78;
        for (i = 0; i < 78; i = i + 1)
            if (value[i]) fma_leading_zeros = 7'd77 - i[6:0];
    end
endfunction

// {special, special value 32, sign, zero, exponent field 9, significand 24, round, sticky}
function [69:0] fma_normalise;
    input [123:0] s;
    reg [77:0] magnitude;
    reg [77:0] normal;
    reg [155:0] shifted_right;
    reg signed [11:0] top;
    reg signed [11:0] left;
    reg signed [11:0] right;
    reg signed [11:0] exponent;
    reg lost;
    begin
        magnitude = s[89:12];
        top = $signed(s[11:0]) + 12'sd201;
        left = $signed({5'd0, fma_leading_zeros(magnitude)});
        right = 12'sd1 - top;
        if (right > 12'sd78) right = 12'sd78;
        if (right < 12'sd0) right = 12'sd0;
        shifted_right = {magnitude, 78'd0} >> right[6:0];
        if (left > top - 12'sd1) left = top - 12'sd1;
        if (left < 12'sd0) begin
            normal = shifted_right[155:78];
            lost = shifted_right[77:0] != 78'd0;
            exponent = 12'sd1;
        end else begin
            normal = magnitude << left[6:0];
            lost = 1'b0;
            exponent = top - left;
        end
        if (exponent > 12'sd255) exponent = 12'sd255;
        if (!normal[77]) exponent = 12'sd0;
        fma_normalise = {s[123], s[122:91], s[90], magnitude == 78'd0, exponent[8:0], normal[77:54], normal[53],
            (normal[52:0] != 53'd0) | lost};
    end
endfunction

function [31:0] fma_round;
    input [69:0] s;
    reg [31:0] packed_value;
    begin
        packed_value = {s[34:26], s[24:2]} + {31'd0, s[1] & (s[0] | s[2])};
        if (s[35]) fma_round = {s[36], 31'd0};
        else if (packed_value[31:23] >= 9'd255) fma_round = {s[36], 31'h7f800000};
        else fma_round = {s[36], packed_value[30:0]};
        if (s[69]) fma_round = s[68:37];
    end
endfunction
